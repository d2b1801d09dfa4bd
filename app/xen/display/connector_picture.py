"""The picture of one connector: what the guest shows there, and the frames that are made of it.

A consumer may use a buffer that it got until it asks for the next frame. So a buffer that was in a frame is released on
the consumer's thread, and one that no frame had is released at once.
"""

from dataclasses import dataclass

from app.planes.buffer import DmaBuffer
from app.planes.buffer_facts import BufferFacts
from app.planes.check import check_plane
from app.planes.damage import DamagedRect
from app.planes.frame import Frame, FrameTiming, RejectedPlane, Surface
from app.planes.mapped_buffer import MappedBuffer
from app.planes.plane import Plane
from app.planes.status import Reason, Status
from app.xen.display.guest_buffers import GuestBuffer

OwnedBuffer = MappedBuffer | DmaBuffer

_OK = Status(Reason.OK)
_NO_CURSOR_PLANE = Status(Reason.NO_CURSOR_PLANE)


@dataclass(slots=True, eq=False)
class _Held:
    """A buffer of the guest's memory for this connector. ``taken``: a frame had it."""

    buffer: OwnedBuffer
    plane: Plane
    surface: Surface | None = None
    taken: bool = False
    times_shown: int = 0
    arrivals: int = 0

    def place(self, plane: Plane) -> Surface:
        """The surface of this plane; the same object while the plane is equal."""
        if self.surface is None or self.surface.plane != plane:
            self.surface = Surface(plane, self.buffer)
        self.plane = plane
        return self.surface


class ConnectorPicture:
    """Owns the buffers of one connector. Not thread-safe. ``changed``: :meth:`frame` will make a new frame."""

    def __init__(self, status: Status) -> None:
        self.scanouts_skipped = 0
        self.changed = False
        self._status = status
        self._frame = Frame(status, cursor_status=_NO_CURSOR_PLANE)
        self._held: dict[GuestBuffer, _Held] = {}
        self._shown: GuestBuffer | None = None
        self._fault: Status | None = None
        self._retired: list[OwnedBuffer] = []
        self._seen_ns: int | None = None
        self._scanout_seen = True

    @property
    def next_serial(self) -> int:
        """The serial number of the first frame that has all that was put in."""
        return self._frame.serial + 1

    @property
    def is_showing(self) -> bool:
        return self._shown is not None

    def show(self, memory: GuestBuffer, plane: Plane, now_ns: int) -> None:
        """Show a plane of this memory, into which the guest has drawn. Raises OSError if no fd is left for it."""
        held = self._held.get(memory)
        if held is None:
            held = self._held[memory] = _Held(memory.new_buffer(), plane)
        assert held.buffer.changes is not None
        held.buffer.changes.note_all()
        held.arrivals += 1
        held.times_shown += self._shown is not memory
        held.place(plane)
        self._shown = memory
        self.scanouts_skipped += not self._scanout_seen
        self._scanout_seen = False
        self._fault = check_plane(plane, memory.size)
        self._status = self._fault or _OK
        self._note(now_ns)

    def show_nothing(self, status: Status, now_ns: int) -> None:
        """Show no plane from now on, for this reason."""
        if status != self._status:
            self._shown, self._fault, self._status = None, None, status
            self._note(now_ns)

    def forget(self, memory: GuestBuffer, status: Status, now_ns: int) -> None:
        """The guest has destroyed this memory."""
        if self._shown is memory:
            self.show_nothing(status, now_ns)
        held = self._held.pop(memory, None)
        if held is not None:
            self._retire(held)

    def frame(self) -> Frame:
        """The newest frame; the same one if nothing changed. The consumer has its buffer from now on."""
        if not self.changed:
            return self._frame
        primary, rejected = self._surface()
        damage = None
        if primary is not None and self._seen_ns is not None:
            damage = (DamagedRect(0, 0, primary.plane.width, primary.plane.height),)
        timing = None if self._seen_ns is None else FrameTiming(self._seen_ns, self._seen_ns)
        self._frame = Frame(
            self._status, primary, None, rejected, self._frame.serial + 1, damage, timing, _NO_CURSOR_PLANE
        )
        self.changed, self._seen_ns, self._scanout_seen = False, None, True
        return self._frame

    def renew_buffers(self) -> None:
        """Retire every buffer, and go on with new ones. If that fails, nothing is shown until the next flip."""
        held, self._held = self._held, {}
        for each in held.values():
            self._retire(each)
        if self._shown is not None:
            before = held[self._shown]
            try:
                fresh = _Held(self._shown.new_buffer(), before.plane)
            except OSError:
                self._shown, self._fault, self._status = None, None, Status(Reason.NO_SCANOUT)
            else:
                fresh.times_shown, fresh.arrivals = before.times_shown, before.arrivals
                fresh.place(before.plane)
                self._held[self._shown] = fresh
        # The guest did nothing, so this frame has no timing.
        self.changed, self._seen_ns = True, None

    @property
    def has_retired(self) -> bool:
        return bool(self._retired)

    def retired(self) -> list[OwnedBuffer]:
        """The buffers that the consumer must release now."""
        retired, self._retired = self._retired, []
        return retired

    def facts(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now."""
        return tuple(_facts(each, on_screen=memory is self._shown) for memory, each in self._held.items())

    def _surface(self) -> tuple[Surface | None, tuple[RejectedPlane, ...]]:
        held = None if self._shown is None else self._held[self._shown]
        if held is None:
            return None, ()
        held.taken = True
        if self._fault is not None:
            return None, (RejectedPlane(held.plane, held.buffer, self._fault),)
        return held.place(held.plane), ()

    def _retire(self, held: _Held) -> None:
        if held.taken:
            self._retired.append(held.buffer)
        else:
            held.buffer.release()

    def _note(self, now_ns: int) -> None:
        """Something changed: the frame is new, and its time is that of the first change that it has."""
        self.changed = True
        if self._seen_ns is None:
            self._seen_ns = now_ns


def _facts(held: _Held, *, on_screen: bool) -> BufferFacts:
    buffer = held.buffer
    return BufferFacts(
        serial=buffer.serial,
        plane=held.plane,
        size=buffer.size,
        fd=buffer.dmabuf_fd,
        inode=buffer.inode,
        exporter=buffer.exporter,
        name=buffer.info.name if isinstance(buffer, DmaBuffer) else None,
        times_shown=held.times_shown,
        fetches=1,
        hits=held.arrivals - 1,
        on_screen=on_screen,
    )
