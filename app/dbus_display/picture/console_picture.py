"""The picture of one console: its buffers, its cursor, and the frames that are made of them.

The display's thread puts in what the VM sends, the consumer's thread takes frames out. Both hold the lock of
:class:`app.dbus_display.picture.console_listener.ConsoleListener` meanwhile.
"""

from dataclasses import replace

from app.abi import drm_fourcc as drm
from app.dbus_display.picture.held_buffers import Held, HeldBuffers, held_memory
from app.planes.buffer_facts import BufferFacts
from app.planes.change_log import MOST_RECTS
from app.planes.check import check_plane
from app.planes.damage import DamagedRect
from app.planes.frame import Frame, FrameTiming, RejectedPlane, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, State, Status

_OK = Status(Reason.OK)
_PLANE_OFF = Status(Reason.PLANE_OFF)
_NO_CURSOR_PLANE = Status(Reason.NO_CURSOR_PLANE)


class ConsolePicture:
    """Owns the buffers of one console. Not thread-safe. ``changed``: :meth:`frame` will make a new frame."""

    def __init__(self) -> None:
        self.buffers = HeldBuffers()
        self.scanouts_skipped = 0
        self._primary: Held | None = None
        self._status = Status(Reason.NO_SCANOUT)
        self._fault: Status | None = None
        self._cursor: Held | None = None
        self._corner = (0, 0)
        self._cursor_on = False
        self._frame = Frame(self._status)
        self.changed = False
        self._damage: list[DamagedRect] | None = []
        self._seen_ns: int | None = None
        self._scanout_seen = True

    @property
    def primary(self) -> Held | None:
        """The buffer of the last scanout, also while it cannot be shown."""
        return self._primary

    @property
    def next_serial(self) -> int:
        """The serial number of the first frame that has all that was put in."""
        return self._frame.serial + 1

    @property
    def end(self) -> Status | None:
        """Why no more frames will come; None while some may."""
        return self._status if self._status.state is State.GONE else None

    def scanout(self, held: Held, plane: Plane, now_ns: int) -> None:
        """Show a plane of this buffer from now on."""
        before = self._primary
        if before is not held:
            self._retire_primary()
            held.times_shown += 1
        self._primary = held
        self._note_scanout()
        self.buffers.trim(held)
        held.place(plane)
        self._fault = check_plane(plane, held.buffer.size)
        self._status = self._fault or _OK
        self._note(now_ns, None)

    def no_scanout(self, status: Status, now_ns: int) -> None:
        """Show no plane from now on, for this reason."""
        self._retire_primary()
        self._primary, self._fault, self._status = None, None, status
        self._note(now_ns, None)

    def refuse(self, fault: Status | None, now_ns: int) -> None:
        """The plane of the last scanout cannot be shown, for this reason; None: it can again."""
        if fault != self._fault and self._primary is not None:
            self._fault, self._status = fault, fault or _OK
            self._note(now_ns, None)

    def damaged(self, where: DamagedRect | None, now_ns: int) -> None:
        """Pixels of the last scanout changed; None: any of them."""
        held = self._primary
        if held is None:
            return
        changes = held.buffer.changes
        assert changes is not None
        if where is None or held.whole_damage:
            changes.note_all()
            self._note(now_ns, None)
        else:
            changes.note((where,))
            self._note(now_ns, (where,))

    def disconnected(self, reason: str, now_ns: int) -> None:
        """The connection has ended, and a new one will bring a whole picture."""
        self.no_scanout(Status(Reason.DISPLAY_CLOSED, reason), now_ns)

    def ended(self, reason: str, now_ns: int) -> None:
        """The VM has ended: every buffer is released."""
        self.no_scanout(Status(Reason.VM_ENDED, reason), now_ns)
        self.release()

    def release(self) -> None:
        """Retire every buffer."""
        self._retire_primary()
        self._primary = None
        self._drop_cursor()
        self.buffers.retire_all()

    def define_cursor(self, pixels: bytes, size: tuple[int, int], hot: tuple[int, int], now_ns: int) -> None:
        """The cursor looks so from now on."""
        self._drop_cursor()
        plane = Plane(
            kind=PlaneKind.CURSOR,
            backing=Backing.MEMORY,
            fourcc=drm.DRM_FORMAT_ARGB8888,
            modifier=drm.DRM_FORMAT_MOD_LINEAR,
            width=size[0],
            height=size[1],
            stride=size[0] * 4,
            size=len(pixels),
            x=self._corner[0],
            y=self._corner[1],
            hot_x=hot[0],
            hot_y=hot[1],
            straight_alpha=True,
        )
        self._cursor = held_memory(pixels, plane)
        self._note(now_ns, ())

    def move_cursor(self, corner: tuple[int, int], *, on: bool, now_ns: int) -> None:
        """The top-left corner of the cursor is there, and whether it is visible."""
        was = (self._corner, self._cursor_on)
        self._corner, self._cursor_on = corner, on
        if self._cursor is not None and (on or was[1]) and was != (corner, on):
            self._note(now_ns, ())

    def frame(self) -> Frame:
        """The newest frame; the same one if nothing changed. The consumer has its buffers from now on."""
        if not self.changed:
            return self._frame
        primary, rejected = self._primary_surface()
        cursor, cursor_status = self._cursor_surface()
        damage = self._all_damage() if self._damage is None else tuple(self._damage)
        timing = None if self._seen_ns is None else FrameTiming(self._seen_ns, self._seen_ns)
        self._frame = Frame(
            self._status, primary, cursor, rejected, self._frame.serial + 1, damage, timing, cursor_status
        )
        self.changed, self._damage, self._seen_ns, self._scanout_seen = False, [], None, True
        return self._frame

    def renew_buffers(self) -> None:
        """Retire every buffer, and go on with new ones of the same memory. One that cannot be renewed is dropped."""
        if self.end is not None:
            return
        primary, cursor = self._primary, self._cursor
        renewed = None if primary is None else _renewed(primary)
        if primary is not None:
            if renewed is None:
                self.no_scanout(Status(Reason.NO_SCANOUT), 0)
            else:
                self._primary = renewed
            self.buffers.retire(primary)
        self.buffers.retire_all()
        if renewed is not None and renewed.identity is not None:
            self.buffers.keep(renewed)
        if cursor is not None:
            self._cursor = _renewed(cursor)
            self.buffers.retire(cursor)
        # No message brought this frame, so it has no timing.
        self.changed, self._damage, self._seen_ns = True, None, None

    def facts(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now."""
        shown = {id(each) for each in (self._primary, self._cursor) if each is not None}
        held = list(self.buffers.kept())
        held += [each for each in (self._primary, self._cursor) if each is not None and each not in held]
        return tuple(
            each.facts(on_screen=id(each) in shown and (each is not self._cursor or self._cursor_on)) for each in held
        )

    def _all_damage(self) -> tuple[DamagedRect, ...] | None:
        """Damage of the whole picture; None where no message told that its pixels changed."""
        if self._seen_ns is None or self._primary is None:
            return None
        plane = self._primary.plane
        return (DamagedRect(0, 0, plane.width, plane.height),)

    def _primary_surface(self) -> tuple[Surface | None, tuple[RejectedPlane, ...]]:
        held = self._primary
        if held is None:
            return None, ()
        held.taken = True
        if self._fault is not None:
            return None, (RejectedPlane(held.plane, held.buffer, self._fault),)
        return held.place(held.plane), ()

    def _cursor_surface(self) -> tuple[Surface | None, Status]:
        held = self._cursor
        if held is None:
            return None, _NO_CURSOR_PLANE
        if not self._cursor_on or self._primary is None:
            return None, _PLANE_OFF
        held.taken = True
        return held.place(replace(held.plane, x=self._corner[0], y=self._corner[1])), _OK

    def _retire_primary(self) -> None:
        """Let the buffer on the screen go. A dma-buf is kept, because it may come again."""
        held = self._primary
        if held is not None and held.identity is None:
            self.buffers.retire(held)

    def _drop_cursor(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            self.buffers.retire(cursor)

    def _note_scanout(self) -> None:
        self.scanouts_skipped += not self._scanout_seen
        self._scanout_seen = False

    def _note(self, now_ns: int, damage: tuple[DamagedRect, ...] | None) -> None:
        """Something changed: the frame is new, and its time is that of the first message that it has."""
        self.changed = True
        if self._seen_ns is None:
            self._seen_ns = now_ns
        if self._damage is None or damage is None or len(self._damage) + len(damage) > MOST_RECTS:
            self._damage = None
        else:
            self._damage += damage


def _renewed(held: Held) -> Held | None:
    try:
        return held.renewed()
    except OSError:
        return None
