"""The backend of a guest's PV keyboard and pointer (``kbdif.h``, ``drivers/input/misc/xen-kbdfront.c``).

The front end reads the kind of its pointer and its width and height once, when it finds the device. So these nodes are
written only while it has not, and afterwards they tell what the guest's pointer is.
"""

import errno
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from app.errors import error_text
from app.vm.monitor import ConnectionState, MonitorStatus, PointingDevice
from app.xen.abi.kbdif import (
    XENFB_HEIGHT,
    XENFB_WIDTH,
    XENKBD_FIELD_EVT_CHANNEL,
    XENKBD_FIELD_FEAT_ABS_POINTER,
    XENKBD_FIELD_FEAT_DSBL_POINTER,
    XENKBD_FIELD_FEAT_RAW_POINTER,
    XENKBD_FIELD_HEIGHT,
    XENKBD_FIELD_MT_HEIGHT,
    XENKBD_FIELD_MT_NUM_CONTACTS,
    XENKBD_FIELD_MT_WIDTH,
    XENKBD_FIELD_REQ_ABS_POINTER,
    XENKBD_FIELD_REQ_MTOUCH,
    XENKBD_FIELD_REQ_RAW_POINTER,
    XENKBD_FIELD_RING_GREF,
    XENKBD_FIELD_WIDTH,
)
from app.xen.abi.xenbus import XenbusStateInitialising, XenbusStateUnknown
from app.xen.access.seam import GrantMapping, Store, WatchEvent, XenHost
from app.xen.backend.connection import Connection, Ended, Step
from app.xen.backend.device import Device
from app.xen.backend.guest_error import GuestError
from app.xen.backend.node_number import node_number
from app.xen.keyboard.keyboard_events import ALL_RELEASES, GuestPointer
from app.xen.keyboard.keyboard_page import KeyboardPage
from app.xen.keyboard.outgoing import Outgoing

_RAW_LAST = 0x7FFF
_MOST = 0xFFFF
_WAITS = "the guest has not started its keyboard's driver yet"
_ENDED = {
    Ended.DOMAIN_GONE: "the guest has ended",
    Ended.DETACHED: "the guest's keyboard was detached",
    Ended.TAKEN_OVER: "another program serves the guest's keyboard",
}

_REFUSED = {errno.EBUSY: _ENDED[Ended.TAKEN_OVER], errno.ENOENT: _ENDED[Ended.DETACHED]}


class KeyboardBackend:
    """A :class:`app.xen.backend.driver.Driver` of one keyboard. ``changed`` is called on the thread of the backend."""

    def __init__(
        self,
        device: Device,
        size: tuple[int, int],
        outgoing: Outgoing,
        changed: Callable[[], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``size``: of the picture in pixels, the pointer's range in a guest that has not started yet; 0 if unknown."""
        self._device = device
        self._size = size
        self._outgoing = outgoing
        self._changed = changed
        self._clock = clock
        self._host: XenHost | None = None
        self._connection: Connection | None = None
        self._mapping: GrantMapping | None = None
        self._page: KeyboardPage | None = None
        self._port: int | None = None
        self._pointer = GuestPointer()
        self._why = _WAITS
        """Why nothing can be sent; empty while the guest is connected."""
        self._final = False
        self._to_look = False
        self._status = MonitorStatus(ConnectionState.CONNECTING, _WAITS)

    @property
    def status(self) -> MonitorStatus:
        """The current status, on any thread."""
        return self._status

    @property
    def ended(self) -> bool:
        """Whether the keyboard cannot be used any more, on any thread."""
        return self._final

    def start(self, host: XenHost) -> None:
        self._host = host
        nodes = self._offers(host.store)
        connection = Connection(host.store, self._device, nodes, now_ns=self._clock)
        try:
            connection.open()
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            self._end(_REFUSED[error.errno])
            return
        self._connection = connection
        if connection.follows_killed:
            # What it had pressed is still pressed.
            self._outgoing.push(ALL_RELEASES)

    def ports(self) -> Collection[int]:
        return () if self._port is None else (self._port,)

    def handle(self, port: int) -> None:
        self._fill()

    def store_event(self, event: WatchEvent) -> None:
        if self._connection is not None and self._connection.concerns(event):
            # One look serves all the events that came.
            self._to_look = True

    def due_ns(self) -> int | None:
        if self._connection is None:
            return None
        if self._to_look:
            return 0
        due = (self._connection.deadline_ns, self._outgoing.due_ns() if self._page is not None else None)
        return min((each for each in due if each is not None), default=None)

    def due(self, now_ns: int) -> None:
        connection = self._connection
        if connection is not None:
            deadline_ns = connection.deadline_ns
            if self._to_look or (deadline_ns is not None and deadline_ns <= now_ns):
                self._to_look = False
                self._look(connection)
        self._fill()

    def failed(self, why: str) -> None:
        self._end(why)

    def close(self) -> None:
        self._end("closed")
        self._let_go()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self, connection: Connection) -> None:
        match connection.look():
            case Step.CONNECT:
                self._connect(connection)
            case Step.DISCONNECT:
                self._let_go()
                self._outgoing.disconnected()
                self._why = _WAITS
                connection.disconnected()
            case Step.END:
                self._end(_ENDED[connection.ended or Ended.DETACHED])
                self.close()
        self._publish()

    def _connect(self, connection: Connection) -> None:
        assert self._host is not None
        try:
            self._take(self._host, connection)
            self._pointer = self._guest_pointer(self._host.store, connection)
        except (OSError, GuestError) as error:
            if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:
                raise
            self._let_go()
            self._why = f"the guest's keyboard: {error_text(error) if isinstance(error, OSError) else error}"
            connection.refuse()
            return
        self._why = ""
        connection.connected()
        self._fill()

    def _take(self, host: XenHost, connection: Connection) -> None:
        """Map the page and bind the event channel."""
        reference = connection.front_number(XENKBD_FIELD_RING_GREF)
        remote_port = connection.front_number(XENKBD_FIELD_EVT_CHANNEL)
        self._mapping = host.grants.map(self._device.domid, [reference], writable=True)
        self._page = KeyboardPage(self._mapping.memory)
        self._page.unread()
        self._port = host.events.bind(self._device.domid, remote_port)

    def _let_go(self) -> None:
        page, self._page = self._page, None
        mapping, self._mapping = self._mapping, None
        port, self._port = self._port, None
        if page is not None:
            page.release()
        if mapping is not None:
            mapping.release()
        if port is not None and self._host is not None:
            # A port of a domain that ended may be refused; nothing else can be done about it.
            with suppress(OSError):
                self._host.events.unbind(port)

    def _fill(self) -> None:
        if self._page is None or self._host is None or self._port is None:
            return
        if self._outgoing.fill(self._page, self._pointer):
            self._host.events.notify(self._port)
        self._publish()

    def _end(self, why: str) -> None:
        if self._final:
            return
        self._final, self._why = True, why
        self._outgoing.end(why)
        self._publish()

    def _publish(self) -> None:
        status = self._look_at_status()
        if status != self._status:
            self._status = status
            self._changed()

    def _look_at_status(self) -> MonitorStatus:
        if self._final:
            return MonitorStatus(ConnectionState.LOST, self._why)
        if self._why:
            return MonitorStatus(ConnectionState.CONNECTING if self._why is _WAITS else ConnectionState.LOST, self._why)
        pointer = self._pointer
        pointing = PointingDevice.RELATIVE if pointer.absolute is None else PointingDevice.ABSOLUTE
        return MonitorStatus(
            ConnectionState.LOST if self._outgoing.lost else ConnectionState.READY,
            self._outgoing.lost,
            pointing if pointer.present else PointingDevice.NONE,
            touch=pointer.touch is not None,
        )

    def _offers(self, store: Store) -> list[tuple[str, str]]:
        """The nodes to write: those that tell nothing yet, if the guest has not read them."""
        state = _read(store, f"{self._device.frontend}/state")
        if state not in (None, str(XenbusStateUnknown), str(XenbusStateInitialising)):
            return []
        width, height = self._size
        offers = (
            (XENKBD_FIELD_FEAT_ABS_POINTER, 1),
            (XENKBD_FIELD_FEAT_RAW_POINTER, 1),
            (XENKBD_FIELD_WIDTH, width),
            (XENKBD_FIELD_HEIGHT, height),
        )
        return [(name, str(number)) for name, number in offers if number and not self._number(store, name, 0)]

    def _guest_pointer(self, store: Store, connection: Connection) -> GuestPointer:
        asks = {
            name: connection.front_text(name) == "1"
            for name in (XENKBD_FIELD_REQ_ABS_POINTER, XENKBD_FIELD_REQ_RAW_POINTER, XENKBD_FIELD_REQ_MTOUCH)
        }
        absolute = touch = None
        if asks[XENKBD_FIELD_REQ_RAW_POINTER]:
            absolute = (_RAW_LAST, _RAW_LAST)
        elif asks[XENKBD_FIELD_REQ_ABS_POINTER]:
            absolute = self._range(store, XENKBD_FIELD_WIDTH, XENKBD_FIELD_HEIGHT)
        if asks[XENKBD_FIELD_REQ_MTOUCH]:
            touch = self._range(store, XENKBD_FIELD_MT_WIDTH, XENKBD_FIELD_MT_HEIGHT)
        contacts = min(self._number(store, XENKBD_FIELD_MT_NUM_CONTACTS, 1), 0xFF) if touch is not None else 0
        return GuestPointer(absolute, touch, contacts, not self._number(store, XENKBD_FIELD_FEAT_DSBL_POINTER, 0))

    def _range(self, store: Store, width: str, height: str) -> tuple[int, int]:
        return self._number(store, width, XENFB_WIDTH), self._number(store, height, XENFB_HEIGHT)

    def _number(self, store: Store, name: str, default: int) -> int:
        """A number of the backend's nodes; ``default`` where there is none, or none that makes sense."""
        try:
            return node_number(_read(store, f"{self._device.backend}/{name}") or "", 0, _MOST)
        except GuestError:
            return default


def _read(store: Store, path: str) -> str | None:
    try:
        return store.read(path)
    except FileNotFoundError:
        return None
