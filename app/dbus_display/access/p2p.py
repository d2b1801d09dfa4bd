"""Connects to the D-Bus display of a VM through its QMP socket, peer to peer.

``add_client`` with the protocol "@dbus-display" gives QEMU one end of a pair of sockets (qmp_add_client() in
monitor/qmp-cmds.c, dbus_display_add_client() in ui/dbus.c). QEMU then has one control client: a client that was there
before loses its connection. The QMP socket is held for these commands only, because managers need it.
"""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass

from app.errors import NoSuchDevice, OpenFailed
from app.qemu.qmp_address import QmpAddress, TcpAddress
from app.vm.peer import CommandError, ConnectionLost
from app.vm.qmp import QmpPeer, connected
from app.vm.qmp_socket_error import BUSY, NO_ANSWER
from app.vm.replies import one_line

LIMIT_S = 4.0
"""The time for the connection and all commands in seconds. The disconnection may take 0.3 s more."""

# The name of the fd among the VM's. A later getfd with this name closes an earlier fd that nobody took.
_FD_NAME = "mdevview-dbus-display"


@dataclass(frozen=True, slots=True)
class OnBus:
    """The VM's display is on a bus. ``address`` is None for the session bus of the VM's user."""

    address: str | None


class NoDbusDisplay(NoSuchDevice):
    """The VM runs, but was started with another display, or without one."""


class OtherDisplay(Exception):
    """The VM has another display, of this type (DisplayType in QEMU's qapi/ui.json)."""


def connect_by_qmp(address: QmpAddress, owner: int | None, limit_s: float = LIMIT_S) -> socket.socket | OnBus:
    """Our end of a new pair of sockets, or the bus that the VM says it is on. Waits ``limit_s`` seconds at most.

    If ``owner`` is given, that process must listen at ``address``. Raises OtherDisplay, and ConnectionLost or
    CommandError with the reason; OpenFailed for an address that cannot do it.
    """
    if isinstance(address, TcpAddress):
        raise OpenFailed(f"{address} is a TCP port, over which no file descriptor can be passed", "use a unix socket")
    return asyncio.run(_with_limit(address, owner, limit_s))


async def _with_limit(address: QmpAddress, owner: int | None, limit_s: float) -> socket.socket | OnBus:
    # What a broken connection reports besides is known already.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    was_answered = False
    try:
        async with asyncio.timeout(limit_s), connected(address, owner) as peer:
            was_answered = True
            return await _connect(peer)
    except TimeoutError:
        raise ConnectionLost(BUSY if was_answered else NO_ANSWER) from None


async def _connect(peer: QmpPeer) -> socket.socket | OnBus:
    if (other := await _other_way(peer)) is not None:
        return other
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with theirs:
            await peer.pass_fd(_FD_NAME, theirs.fileno())
        try:
            await peer.execute("add_client", {"protocol": "@dbus-display", "fdname": _FD_NAME})
        except CommandError:
            # QEMU keeps a fd that no command took, also after the connection has ended.
            with suppress(CommandError):
                await peer.execute("closefd", {"fdname": _FD_NAME})
            raise
    except BaseException:
        ours.close()
        raise
    return ours


async def _other_way(peer: QmpPeer) -> OnBus | None:
    """The bus of the VM's display; None if it is peer to peer, or not known. Raises OtherDisplay."""
    try:
        options = await peer.execute("query-display-options", None)
    except CommandError:
        return None
    match options:
        case {"type": "dbus", "p2p": True}:
            return None
        case {"type": "dbus", "addr": str(address)} if address:
            return OnBus(address)
        case {"type": "dbus"}:
            return OnBus(None)
        case {"type": str(kind)}:
            raise OtherDisplay(one_line(kind, 40))
    return None
