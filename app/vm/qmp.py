"""A VM's monitor through its QMP socket, with the qemu.qmp package.

QEMU serves one client of a QMP socket at a time. Whoever comes second is connected by the kernel and hears nothing
until the first one leaves; the connection is kept for that moment.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from qemu.qmp import ConnectError, ExecuteError, Message, QMPClient, QMPError, Runstate
from qemu.qmp.message import DeserializationError
from qemu.qmp.qmp_client import BadReplyError, GreetingError, NegotiationError

from app.errors import error_text
from app.qemu.qmp_address import QmpAddress
from app.vm.connect import dial
from app.vm.connect_error import NO_ANSWER
from app.vm.monitor import Changed
from app.vm.monitor_connection import MonitorLink, Patience
from app.vm.peer import Lost, Nonsense, Refused

_log = logging.getLogger(__name__)

# A longer line than any that the VM has a reason to send.
_LONGEST_LINE = 1 << 16
# QEMU limits the rate of its events. Reading any number of them, or of bytes, would hold up the window: while JSON is
# parsed no other thread runs.
_UNASKED_PER_S = 1000
_BYTES_PER_S = 1 << 18
_HANG_UP_S = 0.3
_NEWS = frozenset({"STOP", "RESUME", "SUSPEND", "SUSPEND_DISK", "WAKEUP", "RESET", "SHUTDOWN", "GUEST_PANICKED"})


def open_monitor(
    address: QmpAddress, changed: Changed, patience: Patience | None = None, owner: int | None = None
) -> MonitorLink:
    """The monitor that listens at ``address``, of the process ``owner`` where that is given.

    Returns at once; whether it answers shows in its link.
    """
    return MonitorLink(lambda: _connected(address, owner), NO_ANSWER, changed, patience)


def _quiet(record: logging.LogRecord) -> bool:
    """Whatever goes wrong is told in the link's words; the package's own are of use to those who debug."""
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return _log.isEnabledFor(logging.DEBUG)


logging.getLogger("qemu.qmp.protocol.mdevview").addFilter(_quiet)


class _Flood(Exception):
    pass


class _Client(QMPClient):
    """The package formats and logs each message in its ``_cb``s. What somebody types is nobody else's business."""

    _second, _unasked, _bytes = 0, 0, 0

    def _cb_outbound(self, msg: Message) -> Message:
        # It will be answered.
        self._unasked -= 1
        return msg

    def _cb_inbound(self, msg: Message) -> Message:
        return msg

    async def _readline(self) -> bytes:
        """Counts before anything is parsed."""
        line = await super()._readline()
        if (second := int(time.monotonic())) != self._second:
            self._second, self._unasked, self._bytes = second, 0, 0
        self._unasked += 1
        self._bytes += len(line)
        if self._unasked > _UNASKED_PER_S or self._bytes > _BYTES_PER_S:
            raise _Flood
        return line


class _QmpPeer:
    def __init__(self, client: QMPClient) -> None:
        self._client = client
        self._heard = asyncio.Event()
        # The package keeps all events that this listener takes, for ever.
        client.events.event_filter = self._hear

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        try:
            return await self._client.execute(command, arguments)
        except ExecuteError as error:
            raise Refused(str(error)) from error
        except BadReplyError as error:
            raise Nonsense("the VM's monitor talks nonsense") from error
        except QMPError as error:
            raise Lost("the connection to the VM ended") from error

    async def news(self) -> None:
        await self._heard.wait()
        self._heard.clear()

    async def lost(self) -> str:
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()
        try:
            await self._client.disconnect()
        except Exception as error:
            return _why(error)
        return "the connection to the VM ended"

    def _hear(self, event: Message) -> bool:
        if event.get("event") in _NEWS:
            self._heard.set()
        return False


@asynccontextmanager
async def _connected(address: QmpAddress, owner: int | None) -> AsyncIterator[_QmpPeer]:
    connection = await dial(address, owner)
    client = _Client("mdevview", _LONGEST_LINE)
    try:
        peer = _QmpPeer(client)
        try:
            await client.connect(connection)
        except ConnectError as error:
            raise Lost(_why(error.exc, client.greeting is not None)) from error
        except AssertionError as error:
            # The package asserts that a new session stands; it may have broken already.
            raise Lost(await peer.lost()) from error
        yield peer
    finally:
        # From now on no write can block, whether the peer reads or not.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        try:
            async with asyncio.timeout(_HANG_UP_S):
                await client.disconnect()
        except Exception as error:
            _log.debug("hanging up: %r", error)
        connection.close()


def _why(error: Exception, greeted: bool = True) -> str:
    """What ended a connection, in words."""
    inner = error.exc if isinstance(error, GreetingError | NegotiationError) else error
    match inner:
        case DeserializationError(raw=raw) if raw.startswith(b"{") and not raw.endswith(b"\n"):
            return "the VM's monitor hung up in the middle of a message"
        case DeserializationError(raw=raw) if raw.startswith(b"QEMU ") and not greeted:
            return "the socket is that of QEMU's monitor for people: mdevview needs that of -qmp"
        case EOFError() | ConnectionError():
            return "the VM's monitor hung up"
        case _Flood():
            return "the VM's monitor sends more than anybody can read"
        case OSError():
            return f"the connection to the VM broke: {error_text(inner)}"
    if not greeted:
        return "what answers at the socket is no QMP monitor"
    if isinstance(error, NegotiationError):
        return "the QMP monitor takes no commands"
    return "the VM's monitor talks nonsense"
