"""Asks a VM once whether it runs: QMP's ``query-status`` through the VM's own socket, or libvirt.

QEMU serves one client of a QMP socket at a time. So this holds a socket for one question only, and never one whose
folder belongs to a manager, which may want to connect at any moment.
"""

import asyncio
from dataclasses import dataclass

from app.text.clean import clean_line
from app.vm.input_route import InputRoute, LibvirtInput, QmpInput, TrackedRoute
from app.vm.monitor import ConnectionState
from app.vm.peer import CommandError, ConnectionLost
from app.vm.replies import parse_run_state

LIMIT_S = 0.7
"""The time for connection and answer in seconds. The disconnection may take 0.3 s more."""


@dataclass(frozen=True, slots=True)
class RunStateAnswer:
    """``word`` is QEMU's ("running", "paused"), None if it is not known. ``evidence`` is its source, or the reason."""

    word: str | None
    evidence: str


def ask_run_state(route: InputRoute, limit_s: float = LIMIT_S) -> RunStateAnswer:
    """The VM's state. If a monitor is open by this route, its answer is used: it is some seconds old at most."""
    if isinstance(route, TrackedRoute):
        monitor = route.opened
        if monitor is not None:
            status = monitor.status
            if status.run_state is not None and status.state is ConnectionState.READY:
                return RunStateAnswer(status.run_state, f"query-status: {status.run_state}")
            return RunStateAnswer(None, status.detail or f"the VM's monitor is {status.state.value}")
        route = route.route
    if route.reason:
        return RunStateAnswer(None, route.reason)
    if isinstance(route, QmpInput) and route.manager:
        return RunStateAnswer(None, f"the QMP socket {route.address} belongs to the VM's manager, {route.manager}")
    if not isinstance(route, QmpInput | LibvirtInput):
        return RunStateAnswer(None, "the VM has no monitor that answers questions")
    source = "query-status" if isinstance(route, QmpInput) else "libvirt"
    try:
        word = asyncio.run(_ask(route, limit_s))
    except TimeoutError:
        return RunStateAnswer(None, _NO_ANSWER[source])
    except (ConnectionLost, CommandError) as error:
        return RunStateAnswer(None, clean_line(str(error)))
    except ValueError:
        return RunStateAnswer(None, "the VM's answer to query-status is invalid")
    return RunStateAnswer(word, f"{source}: {word or 'unknown state'}")


_NO_ANSWER = {
    "query-status": "the VM's monitor does not answer: another client may be connected",
    "libvirt": "libvirt does not answer",
}


async def _ask(route: QmpInput | LibvirtInput, limit_s: float) -> str | None:
    # What a broken connection reports besides is known already.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    # Imported here: few programs ask, and libvirt is not always installed.
    from app.vm.libvirt import domain_run_state  # noqa: PLC0415
    from app.vm.qmp import connected  # noqa: PLC0415

    async with asyncio.timeout(limit_s):
        if isinstance(route, LibvirtInput):
            return await domain_run_state(route.domain)
        async with connected(route.address, route.owner) as peer:
            return parse_run_state(await peer.execute("query-status", None))
