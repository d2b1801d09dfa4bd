"""The monitor of a VM that libvirt runs, through libvirt's passthrough to QMP.

libvirt has the only connection to the QMP monitor. It passes on single commands (virDomainQemuMonitorCommand, used by
"virsh qemu-monitor-command", too), and then marks the domain as tainted by a custom monitor. Its functions wait for the
reply, so they run on their own thread. Events would need libvirt's event loop, so changes are only seen by the next
query.
"""

import asyncio
import importlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from app.errors import error_text
from app.vm.monitor import Changed
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_lookup import LibvirtDomain
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.peer import CommandError, ConnectionLost, ProtocolError
from app.vm.power import PowerAction
from app.vm.replies import one_line

_T = TypeVar("_T")
_DISCONNECT_TIMEOUT_S = 0.3
NO_ANSWER = "libvirt does not answer: it may be waiting for a password, or be busy with this VM"


def open_domain(
    domain: LibvirtDomain, changed: Changed, timeouts: MonitorTimeouts | None = None, owner: int | None = None
) -> MonitorConnection:
    """The monitor of ``domain``. If ``owner`` is given, that process must be the domain's QEMU.

    Returns at once: the monitor's status tells whether libvirt answers.
    """
    return MonitorConnection(lambda: _connected(domain, owner), NO_ANSWER, changed, timeouts)


class Worker:
    """Runs functions in order on a daemon thread. The program can end while a function runs."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="libvirt", daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], _T]) -> _T:
        """Returns or raises what the function does. A cancelled function runs on, and its value is lost."""
        result: asyncio.Future[_T] = self._loop.create_future()

        def job() -> None:
            try:
                value = function()
            except Exception as error:
                self._set(result, lambda error=error: result.set_exception(error))  # type: ignore[misc]
            else:
                self._set(result, lambda: result.set_result(value))

        self._jobs.put(job)
        return await result

    async def end(self, last: Callable[[], None]) -> None:
        """Run ``last`` after all other functions, and wait for its end."""
        self._jobs.put(last)
        self._jobs.put(None)
        await self._ended.wait()
        self._thread.join()

    def _set(self, result: "asyncio.Future[Any]", setter: Callable[[], None]) -> None:
        # The loop may be closed by now.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: None if result.done() else setter())

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)


class _LibvirtPeer:
    def __init__(self, worker: Worker, library: Any, passthrough: Any, domain: Any) -> None:
        self._worker = worker
        self._library = library
        self._passthrough = passthrough
        self._domain = domain
        self._changed = asyncio.Event()

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        message = {"execute": command} | ({"arguments": arguments} if arguments is not None else {})
        try:
            text = await self._worker.run(lambda: self._pass_on(json.dumps(message)))
        except self._library.libvirtError as error:
            raise CommandError(one_line(str(error))) from error
        return _parse(text)

    async def power(self, action: PowerAction) -> None:
        """By libvirt's own functions, so that libvirt knows what happened, and the domain is not marked as tainted."""
        domain = self._domain
        function: Callable[[], object] = {
            PowerAction.POWERDOWN: domain.shutdown,
            PowerAction.RESET: lambda: domain.reset(0),
            PowerAction.PAUSE: domain.suspend,
            PowerAction.RESUME: domain.resume,
            PowerAction.FORCE_OFF: domain.destroy,
        }[action]
        try:
            await self._worker.run(function)
        except self._library.libvirtError as error:
            raise CommandError(one_line(str(error))) from error
        self._changed.set()

    async def wait_for_event(self) -> None:
        # No event of QEMU comes through libvirt. But what was done here has changed the state.
        await self._changed.wait()
        self._changed.clear()

    async def wait_closed(self) -> str:
        # Only a command shows that the connection has ended.
        await asyncio.Event().wait()
        raise AssertionError

    def _pass_on(self, message: str) -> str:
        try:
            return str(self._passthrough.qemuMonitorCommand(self._domain, message, 0))
        except self._library.libvirtError as error:
            if not self._is_running():
                raise ConnectionLost(one_line(str(error))) from error
            raise

    def _is_running(self) -> bool:
        try:
            return bool(self._domain.isActive())
        except self._library.libvirtError:
            return False


# virDomainState of libvirt-domain.h, in QEMU's words. A domain that is being shut down still runs.
_STATES = {
    1: "running",
    2: "running",
    3: "paused",
    4: "running",
    5: "shutdown",
    6: "guest-panicked",
    7: "suspended",
}


def import_libvirt(name: str = "libvirt") -> Any:
    """A module of libvirt's, which prints no errors. Raises ConnectionLost if it does not work."""
    try:
        library, module = importlib.import_module("libvirt"), importlib.import_module(name)
    except ImportError as error:
        raise ConnectionLost(f"libvirt's Python module does not work: {one_line(str(error))}") from error
    # Without a handler, libvirt prints its errors to standard error.
    library.registerErrorHandler(lambda _context, _error: None, None)
    return module


async def domain_run_state(domain: LibvirtDomain) -> str | None:
    """What libvirt itself says of a domain's state, in QEMU's words; None for an unknown state.

    This passes nothing on to QEMU, so the domain is not marked as tainted. Which process the domain is stays unknown.
    Raises ConnectionLost.
    """
    library = import_libvirt()
    worker = Worker()
    connections: list[Any] = []
    try:
        found = await look_up(domain, worker, library, connections)
        state, *_ = await worker.run(found.state)
        return _STATES.get(state)
    except library.libvirtError as error:
        raise ConnectionLost(one_line(str(error))) from error
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await worker.end(lambda: close_connections(connections, library))


@asynccontextmanager
async def _connected(domain: LibvirtDomain, owner: int | None) -> AsyncIterator[_LibvirtPeer]:
    library, passthrough = import_libvirt(), import_libvirt("libvirt_qemu")
    worker = Worker()
    connections: list[Any] = []
    try:
        peer = _LibvirtPeer(worker, library, passthrough, await look_up(domain, worker, library, connections))
        if owner is not None:
            await _check_owner(peer, domain, owner)
        yield peer
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await worker.end(lambda: close_connections(connections, library))


async def _check_owner(peer: _LibvirtPeer, domain: LibvirtDomain, owner: int) -> None:
    """Raises ConnectionLost if the domain's QEMU is another process.

    The name of the domain comes from the command line of the process ``owner``, which may name another VM's domain.
    The domain's QEMU tells the ids of its threads (query-cpus-fast, QEMU 2.12), and the kernel whose they are.
    """
    try:
        match await peer.execute("query-cpus-fast", None):
            case [*cpus] if cpus:
                threads = [cpu.get("thread-id") if isinstance(cpu, dict) else None for cpu in cpus]
            case _:
                threads = [None]
    except CommandError as error:
        raise ConnectionLost(f"it cannot be seen which process libvirt's domain {domain.name} is: {error}") from error
    task = Path(f"/proc/{owner}/task")
    try:
        is_owner = all(isinstance(each, int) and (task / str(each)).exists() for each in threads)
    except OSError as error:
        # Hidden by the kernel (hidepid), or no number of a thread.
        raise ConnectionLost(f"which process libvirt's domain {domain.name} is: {error_text(error)}") from error
    if not is_owner:
        raise ConnectionLost(f"libvirt's domain {domain.name} is another process than {owner}")


async def look_up(domain: LibvirtDomain, worker: Worker, library: Any, connections: list[Any]) -> Any:
    """libvirt's object for the domain. Adds each connection to ``connections``. Raises ConnectionLost."""
    reasons = []
    for uri in domain.uris:

        def find(uri: str = uri) -> Any:
            connections.append(library.open(uri))
            if domain.uuid is not None:
                return connections[-1].lookupByUUIDString(domain.uuid)
            return connections[-1].lookupByName(domain.name)

        try:
            return await worker.run(find)
        except library.libvirtError as error:
            reasons.append(f"{uri}: {one_line(str(error))}")
    raise ConnectionLost(one_line("; ".join(reasons), 200))


def close_connections(connections: list[Any], library: Any) -> None:
    while connections:
        with suppress(library.libvirtError):
            connections.pop().close()


def _parse(text: str) -> Any:
    """The value in a reply of QEMU that libvirt passed on. Raises CommandError or ProtocolError."""
    try:
        reply = json.loads(text)
    except (ValueError, RecursionError):
        reply = None
    match reply:
        case {"error": {"desc": str(words)}}:
            raise CommandError(words)
        case {"return": value}:
            return value
    raise ProtocolError("the answer that libvirt passed on is invalid")
