"""The backend of one ``vdispl`` device: its states, its rings, and how it ends."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from app.errors import error_text
from app.planes.status import Reason, Status
from app.xen.abi.displif import XENDISPL_FIELD_BE_ALLOC, XENDISPL_FIELD_BE_VERSIONS
from app.xen.access.seam import WatchEvent, XenHost
from app.xen.backend.connection import Connection, Ended, Step
from app.xen.backend.device import VDISPL, Device
from app.xen.backend.guest_error import GuestError
from app.xen.display.connector import Connector
from app.xen.display.connector_rings import ConnectorRings
from app.xen.display.guest_display import GuestDisplay
from app.xen.display.lookup import connectors_of, guest_kind, own_domid, why_no_own_memory, why_not_served

_log = logging.getLogger(__name__)

VERSIONS = "1,2"
"""A front end that chooses version 2 asks for an EDID."""

DETACHED_OR_ENDED_NS = 4_000_000_000
"""The toolstack detaches the devices of a guest that it destroys, and then ends its domain: so long is waited for that
end before the display counts as detached. A guest that has lost its console too is being destroyed: its end is waited
for however long it takes."""

LEAVING_NS = 500_000_000
"""How long the guest's driver is still served after it was told of the close. A request that gets no answer, and a flip
without an event, would stop a program of the guest for 3 s (VDRM_WAIT_BACK_MS and FRAME_DONE_TO_MS of Linux)."""

RETURN_NS = 1_000_000_000
"""How long the guest's driver is waited for then, if it has memory of this host: the kernel takes it back at once, and
programs of the guest would go on to draw into what this host uses it for next."""

_LEAVING_STEP_NS = 2_000_000
_RETURN_STEP_NS = 20_000_000
_LOOK_NS = 250_000_000

_NOT_CONNECTED = Status(Reason.NO_SCANOUT, "the guest's display driver has not connected yet")
_CONNECTED = Status(Reason.NO_SCANOUT, "the guest's display driver is there, and shows nothing yet")


class DisplayDriver:
    """A :class:`app.xen.backend.driver.Driver`. :meth:`connector` may be called on any thread."""

    def __init__(
        self,
        domid: int,
        device: int,
        new_dmabuf: Callable[[int], int],
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``clock`` gives nanoseconds, ``sleep`` takes seconds."""
        self._domid = domid
        self._device_number = device
        self._new_dmabuf = new_dmabuf
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._connectors: dict[int, Connector] = {}
        self._end: Status | None = None
        self.refusal: OSError | None = None
        """Why the device cannot be served, known after the start: there is none (ENOENT), or another process has it
        (EBUSY)."""
        self._connection: Connection | None = None
        self._host: XenHost | None = None
        self._why_no_own = ""
        self._frontend = ""
        self._display: GuestDisplay | None = None
        self._rings: dict[int, ConnectorRings] = {}
        self._to_look = False
        self._is_over = False
        self._detached_ns: int | None = None
        self._had_console = False
        self._next_look_ns: int | None = None

    @property
    def ended(self) -> bool:
        """Whether the device ended: a new driver is needed to serve it again."""
        with self._lock:
            return self._end is not None

    def connector(self, number: int) -> Connector:
        """The connector of this number, also before the guest has one."""
        with self._lock:
            found = self._connectors.get(number)
            if found is None:
                found = self._connectors[number] = Connector(number, _NOT_CONNECTED, self._clock)
                if self._end is not None:
                    found.end(self._end)
            return found

    def start(self, host: XenHost) -> None:
        self._host = host
        device = Device(VDISPL, self._domid, self._device_number, own_domid(host.store))
        self._frontend = device.frontend
        connection = Connection(host.store, device, ((XENDISPL_FIELD_BE_VERSIONS, VERSIONS),), now_ns=self._clock)
        kind = guest_kind(host.store, self._domid)
        self._why_no_own = why_not_served(kind, be_alloc=True) or why_no_own_memory(
            host.store, device.frontend, self._domid
        )
        why = why_not_served(kind, be_alloc=connection.front_text(XENDISPL_FIELD_BE_ALLOC) == "1")
        if why:
            self._finish(Status(Reason.NOT_OPENED, why))
            return
        try:
            connection.open()
        except OSError as error:
            if error.errno == errno.ENOENT and not connection.domain_lives():
                self._finish(Status(Reason.VM_ENDED, self._domain_ended()))
            elif error.errno in (errno.EBUSY, errno.ENOENT):
                self.refusal = error
                self._finish(Status(Reason.NOT_OPENED, error_text(error), error.errno))
            else:
                raise
            return
        self._connection = connection
        self._had_console = connection.has_console()
        self._to_look = True

    def ports(self) -> Collection[int]:
        return self._rings.keys()

    def handle(self, port: int) -> None:
        rings = self._rings.get(port)
        if rings is not None:
            self._serve(rings)

    def store_event(self, event: WatchEvent) -> None:
        # One look serves all the events that came.
        if not self._is_over and self._connection is not None and self._connection.concerns(event):
            self._to_look = True

    def due_ns(self) -> int | None:
        if self._is_over:
            return self._next_look_ns
        if self._to_look:
            return 0
        times = [each.due_ns() for each in self._rings.values()]
        if self._connection is not None:
            times.append(self._connection.deadline_ns)
        return min((each for each in times if each is not None), default=None)

    def due(self, now_ns: int) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._is_over:
            if self._next_look_ns is not None and self._next_look_ns <= now_ns:
                self._look_for_end(connection, now_ns)
            return
        deadline_ns = connection.deadline_ns
        if self._to_look or (deadline_ns is not None and deadline_ns <= now_ns):
            self._to_look = False
            self._look(connection)
            # A look takes a while, in which a flip may have become due.
            now_ns = self._clock()
        for port, each in tuple(self._rings.items()):
            # One connector that breaks the protocol closes all of them.
            if port in self._rings and each.has_waiting(now_ns):
                self._serve(each)
        for each in self._rings.values():
            each.tell_flips(now_ns)

    def failed(self, why: str) -> None:
        self._finish(Status(Reason.DEVICE_FAULT, why))

    def close(self) -> None:
        try:
            if self._connection is not None:
                self._leave(self._connection)
                self._await_return(self._connection)
        finally:
            self._let_go()
            if self._connection is not None:
                self._connection.close()

    def _serve(self, rings: ConnectorRings) -> None:
        if self._display is None:
            # The ring of another connector was broken.
            return
        try:
            rings.serve(self._display.answer, self._clock)
        except GuestError as error:
            self._broken(str(error))

    def _look(self, connection: Connection) -> None:
        match connection.look():
            case Step.CONNECT:
                self._connect(connection)
            case Step.DISCONNECT:
                self._let_go()
                connection.disconnected()
            case Step.END:
                self._ended_by(connection)

    def _connect(self, connection: Connection) -> None:
        assert self._host is not None
        self._let_go()
        try:
            known = connectors_of(self._host.store, self._frontend)
            if not known:
                raise GuestError("the display has no connector")
            for each in known:
                connector = self.connector(each.number)
                connector.width, connector.height = each.width, each.height
                rings = ConnectorRings(self._host, self._domid, connection, connector)
                self._rings[rings.request_port] = rings
        except (GuestError, OSError) as error:
            why = error_text(error) if isinstance(error, OSError) else str(error)
            _log.info("Xen domain %d: its display driver cannot be connected: %s", self._domid, why)
            self._let_go()
            self._show_nothing(Status(Reason.DEVICE_FAULT, f"the guest's display driver cannot be connected: {why}"))
            connection.refuse()
            return
        connectors = [each.connector for each in self._rings.values()]
        grants, own = self._host.grants, self._why_no_own
        self._display = GuestDisplay(grants, self._domid, connectors, self._new_dmabuf, own)
        self._show_nothing(_CONNECTED)
        for missing in self._all_connectors():
            if missing not in connectors:
                why = f"the guest's display has no connector {missing.number}"
                missing.show_nothing(Status(Reason.NOT_OPENED, why))
        connection.connected()

    def _leave(self, connection: Connection) -> None:
        """Tell a connected guest of the close, and serve it until it has left, for :data:`LEAVING_NS` at most."""
        until_ns = self._clock() + LEAVING_NS
        with suppress(OSError):
            for step in range(LEAVING_NS // _LEAVING_STEP_NS):
                # Requests may be slow.
                if self._clock() >= until_ns:
                    return
                for each in tuple(self._rings.values()):
                    self._serve(each)
                    each.tell_all_flips()
                if not self._rings:
                    return
                if step == 0:
                    connection.announce_close()
                elif not connection.is_used():
                    return
                self._sleep(_LEAVING_STEP_NS / 1e9)

    def _await_return(self, connection: Connection) -> None:
        """Wait until the guest has let memory of this host go, for :data:`RETURN_NS` at most."""
        if self._display is None or not self._display.lends:
            return
        with suppress(OSError):
            connection.announce_close()
            for _ in range(RETURN_NS // _RETURN_STEP_NS):
                if not connection.front_holds_memory():
                    return
                self._sleep(_RETURN_STEP_NS / 1e9)

    def _let_go(self) -> None:
        """Unmap and unbind everything of the guest."""
        display, self._display = self._display, None
        if display is not None:
            display.release()
        rings, self._rings = self._rings, {}
        for each in rings.values():
            # A port of a domain that ended may be refused; nothing else can be done about it.
            with suppress(OSError):
                each.release()

    def _broken(self, why: str) -> None:
        """The guest's driver cannot be served any more: close the device, and wait for the end of the domain."""
        _log.info("Xen domain %d: its display driver: %s", self._domid, why)
        assert self._connection is not None
        self._await_return(self._connection)
        self._let_go()
        self._show_nothing(Status(Reason.DEVICE_FAULT, f"the guest's display driver: {why}"))
        self._connection.close()
        self._is_over = True
        self._next_look_ns = self._clock() + _LOOK_NS

    def _ended_by(self, connection: Connection) -> None:
        if connection.ended is Ended.DETACHED:
            self._leave(connection)
            self._await_return(connection)
        self._let_go()
        ended = connection.ended
        connection.close()
        self._is_over = True
        if ended is Ended.DOMAIN_GONE:
            self._finish(Status(Reason.VM_ENDED, self._domain_ended()))
        elif ended is Ended.TAKEN_OVER:
            self._finish(Status(Reason.NOT_OPENED, "another process serves the guest's display now"))
        else:
            self._show_nothing(Status(Reason.DISPLAY_CLOSED, "the toolstack takes the display from the guest"))
            self._detached_ns = self._clock()
            self._next_look_ns = self._detached_ns

    def _look_for_end(self, connection: Connection, now_ns: int) -> None:
        """Whether the domain of a device that is not served any more has ended."""
        self._next_look_ns = now_ns + _LOOK_NS
        if not connection.domain_lives():
            self._finish(Status(Reason.VM_ENDED, self._domain_ended()))
        elif self._detached_ns is None or now_ns - self._detached_ns < DETACHED_OR_ENDED_NS:
            return
        elif not self._had_console or connection.has_console():
            self._finish(Status(Reason.DEVICE_REMOVED, f"display {self._device_number} of the guest was detached"))

    def _finish(self, status: Status) -> None:
        """No more frames will come. The first end counts."""
        self._next_look_ns = None
        with self._lock:
            self._end = self._end or status
        for each in self._all_connectors():
            each.end(status)

    def _show_nothing(self, status: Status) -> None:
        for each in self._all_connectors():
            each.show_nothing(status)

    def _all_connectors(self) -> tuple[Connector, ...]:
        with self._lock:
            return tuple(self._connectors.values())

    def _domain_ended(self) -> str:
        return f"Xen domain {self._domid} ended"
