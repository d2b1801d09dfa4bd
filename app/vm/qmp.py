"""A VM's monitor through its QMP socket, with the qemu.qmp package.

QEMU serves one client of a QMP socket at a time. The kernel connects a second client, but QEMU does not answer it until
the first one disconnects. The connection is kept for that moment.

This module overrides private methods of the package to limit what the VM may send. If they do not exist or are not
called, there is no connection. :data:`SUPPORTED` names the versions in which that was tested.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

from qemu.qmp import ConnectError, ExecuteError, Message, QMPClient, QMPError, Runstate
from qemu.qmp.message import DeserializationError
from qemu.qmp.qmp_client import BadReplyError, GreetingError, NegotiationError

from app.errors import error_text
from app.qemu.qmp_address import QmpAddress
from app.vm.monitor import Changed
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.peer import CommandError, ConnectionLost, ProtocolError
from app.vm.power import PowerAction
from app.vm.qmp_socket import connect
from app.vm.qmp_socket_error import BUSY, NO_ANSWER

_log = logging.getLogger(__name__)

SUPPORTED = ">= 0.0.4, < 0.0.7"
"""Versions of qemu.qmp, as in pyproject.toml."""

_OVERRIDDEN = ("_readline", "_cb_inbound", "_cb_outbound")
# The VM has no reason to send a longer line.
_LONGEST_LINE = 1 << 16
# QEMU limits the rate of its events. Without a limit here a hostile VM could block the window: while JSON is parsed, no
# other thread runs.
_UNASKED_PER_S = 1000
_BYTES_PER_S = 1 << 18
_DISCONNECT_TIMEOUT_S = 0.3
_STATE_EVENTS = frozenset(
    {"STOP", "RESUME", "SUSPEND", "SUSPEND_DISK", "WAKEUP", "RESET", "SHUTDOWN", "GUEST_PANICKED"}
)


def open_monitor(
    address: QmpAddress, changed: Changed, timeouts: MonitorTimeouts | None = None, owner: int | None = None
) -> MonitorConnection:
    """The monitor that listens at ``address``. If ``owner`` is given, that process must be at the other end.

    Returns at once: the monitor's status tells whether the VM answers.
    """
    return MonitorConnection(lambda: connected(address, owner), NO_ANSWER, changed, timeouts, BUSY)


def _for_debugging(record: logging.LogRecord) -> bool:
    """The monitor's status tells every error, so the package's own log lines are only for debugging."""
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return _log.isEnabledFor(logging.DEBUG)


logging.getLogger("qemu.qmp.protocol.mdevview").addFilter(_for_debugging)


class _TooMuchData(Exception):
    pass


class _LimitedClient(QMPClient):
    """Limits what the VM sends, and logs no message: what the user types is private."""

    def __init__(self) -> None:
        super().__init__("mdevview", _LONGEST_LINE)
        self._second, self._unasked, self._bytes = 0, 0, 0
        self._called: set[str] = set()

    @property
    def is_limited(self) -> bool:
        """Whether the package has called all methods below. It does so while it connects."""
        return self._called == set(_OVERRIDDEN)

    def _cb_outbound(self, msg: Message) -> Message:
        self._called.add("_cb_outbound")
        # The VM was asked for the reply to this message.
        self._unasked -= 1
        return msg

    def _cb_inbound(self, msg: Message) -> Message:
        self._called.add("_cb_inbound")
        return msg

    async def _readline(self) -> bytes:
        """Count each line before it is parsed."""
        self._called.add("_readline")
        line = await super()._readline()
        if (second := int(time.monotonic())) != self._second:
            self._second, self._unasked, self._bytes = second, 0, 0
        self._unasked += 1
        self._bytes += len(line)
        if self._unasked > _UNASKED_PER_S or self._bytes > _BYTES_PER_S:
            raise _TooMuchData
        return line


class QmpPeer:
    """A :class:`Peer` that can also pass fds."""

    def __init__(self, client: QMPClient) -> None:
        self._client = client
        self._event = asyncio.Event()
        # A listener would keep its events for ever, so its filter takes none.
        client.events.event_filter = self._filter

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        try:
            return await self._client.execute(command, arguments)
        except ExecuteError as error:
            raise CommandError(str(error)) from error
        except BadReplyError as error:
            raise ProtocolError("the VM's monitor sends invalid data") from error
        except QMPError as error:
            raise ConnectionLost("the connection to the VM ended") from error

    async def pass_fd(self, name: str, fd: int) -> None:
        """Give the VM a duplicate of a fd, under this name (``getfd``). Only on a unix socket. Raises as execute()."""
        try:
            # QEMU takes the fd with the command that follows it (qmp_getfd() in monitor/fds.c).
            self._client.send_fd_scm(fd)
        except (QMPError, OSError) as error:
            raise ConnectionLost(f"the fd cannot be sent to the VM: {error}") from error
        await self.execute("getfd", {"fdname": name})

    async def power(self, action: PowerAction) -> None:
        await self.execute(action.value, None)

    async def wait_for_event(self) -> None:
        await self._event.wait()
        self._event.clear()

    async def wait_closed(self) -> str:
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()
        try:
            await self._client.disconnect()
        except Exception as error:
            return _reason(error)
        return "the connection to the VM ended"

    def _filter(self, event: Message) -> bool:
        if event.get("event") in _STATE_EVENTS:
            self._event.set()
        return False


@asynccontextmanager
async def connected(address: QmpAddress, owner: int | None) -> AsyncIterator[QmpPeer]:
    """A connection to the monitor that listens at ``address``. Raises ConnectionLost, also at its start."""
    if not all(callable(getattr(QMPClient, name, None)) for name in _OVERRIDDEN):
        raise ConnectionLost(_not_limited())
    connection = await connect(address, owner)
    client = _LimitedClient()
    try:
        peer = QmpPeer(client)
        try:
            await client.connect(connection)
        except ConnectError as error:
            raise ConnectionLost(_reason(error.exc, client.greeting is not None)) from error
        except AssertionError as error:
            # The package asserts that the new session exists, but it may have ended already.
            raise ConnectionLost(await peer.wait_closed()) from error
        except Exception as error:
            # Cancelled while it connects, the package raises the error of the broken connection instead.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error
            if isinstance(error, QMPError | OSError | EOFError | _TooMuchData):
                raise ConnectionLost(_reason(error)) from error
            raise
        if not client.is_limited:
            raise ConnectionLost(_not_limited())
        yield peer
    finally:
        # After this no write can block, even if the VM does not read.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        try:
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await client.disconnect()
        except Exception as error:
            _log.debug("disconnecting: %r", error)
        connection.close()


def _not_limited() -> str:
    return f"qemu.qmp {version('qemu.qmp')} cannot limit what a VM sends: install qemu.qmp {SUPPORTED}"


def _reason(error: Exception, greeted: bool = True) -> str:
    """Why a connection ended, in words."""
    inner = error.exc if isinstance(error, GreetingError | NegotiationError) else error
    match inner:
        case DeserializationError(raw=raw) if raw.startswith(b"{") and not raw.endswith(b"\n"):
            return "the VM's monitor hung up in the middle of a message"
        case DeserializationError(raw=raw) if raw.startswith(b"QEMU ") and not greeted:
            return "this is the socket of QEMU's human monitor: mdevview needs the one of -qmp"
        case EOFError() | ConnectionError():
            return "the VM's monitor hung up"
        case _TooMuchData():
            return "the VM's monitor sends too much data"
        case OSError():
            return f"the connection to the VM broke: {error_text(inner)}"
    if not greeted:
        return "what answers at the socket is no QMP monitor"
    if isinstance(error, NegotiationError):
        return "the QMP monitor takes no commands"
    return "the VM's monitor sends invalid data"
