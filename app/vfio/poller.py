"""The poller: asks a device for its planes and turns the answers into frames.

Work per poll is bounded: one query a plane, one more where the driver answered ENOMEM, and at most one fetch a
plane. What failed is not tried again before a pause.
"""

import errno
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.device.gfx_plane import DisplayOffer, PlaneQuery, probe
from app.device.info import device_info
from app.device.seam import Device
from app.errors import error_text
from app.planes.buffer import Buffer
from app.planes.check import fault_of
from app.planes.frame import Frame, FrameTiming, RejectedPlane, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, State, Status
from app.vfio.buffer_cache import BufferCache, FetchRecord, FetchRefused, FetchRule
from app.vfio.region_cache import RegionCache

_log = logging.getLogger(__name__)

# A refused fetch or mapping, and a device that offers no display, are asked again after this time.
_RETRY_NS = 200_000_000
# How often a device that answers nothing but errors is asked whether it is still one.
_DEAFNESS_NS = 250_000_000

_QUERY_REASONS = {
    errno.EINVAL: Reason.QUERY_REJECTED,
    errno.EFAULT: Reason.FRAMEBUFFER_UNMAPPED,
    errno.ENOMEM: Reason.OUT_OF_MEMORY,
    errno.ENODEV: Reason.NOT_INITIALIZED,
}


@dataclass(slots=True)
class _Slot:
    """One plane as it was at the last poll: what was asked, what came of it."""

    query: PlaneQuery
    plane: Plane | None = None
    surface: Surface | None = None
    rejected: RejectedPlane | None = None
    retry_at_ns: int = 0


class Poller:
    """A frame source that polls one VFIO device (:class:`app.planes.frame_source.FrameSource`). Not thread-safe.

    Owns ``device`` and everything fetched from it. ``ended`` says why there is nothing more to come, None as long as
    there is: it is asked at every poll. ``end_fd`` tells a fd that is readable at that end, -1 for none. ``clock`` is
    in nanoseconds. ``record`` is where fetches are written down that others must know of.
    """

    tells_damage = False

    def __init__(
        self,
        device: Device,
        rule: FetchRule = FetchRule.FREELY,
        ended: Callable[[], Status | None] = lambda: None,
        clock: Callable[[], int] = time.monotonic_ns,
        record: FetchRecord | None = None,
        end_fd: Callable[[], int] = lambda: -1,
    ) -> None:
        self.device = device
        self._ended = ended
        self._end_fd = end_fd
        self._clock = clock
        self._buffers = BufferCache(device, rule, record)
        self._region = RegionCache(device)
        self._offer: DisplayOffer | None = None
        self._slots: tuple[_Slot, ...] = ()
        self._frame = Frame(Status(Reason.NOT_STARTED))
        self._probe_at_ns = 0
        self._deafness_at_ns = clock() + _DEAFNESS_NS
        self._closed = False
        self._complained: set[tuple[str, int | None]] = set()
        # Of the poll that is under way, and of the one before.
        self._previous_poll_ns = self._poll_ns = clock()
        self._fetch_ns = 0

    @property
    def offer(self) -> DisplayOffer | None:
        """What the device said it supports; None until it did."""
        return self._offer

    @property
    def frame(self) -> Frame:
        """The frame of the last poll."""
        return self._frame

    def latest(self) -> Frame:
        """Poll once. Never raises for anything the device does; the frame's status tells.

        Once the device is closed or gone, nothing is asked, and the last frame stays.
        """
        if self._closed or self._frame.status.state is State.GONE:
            return self._frame
        now = self._clock()
        self._previous_poll_ns, self._poll_ns, self._fetch_ns = self._poll_ns, now, 0
        ended = self._ended()
        if ended is not None:
            return self.end(ended)
        if now >= self._deafness_at_ns:
            self._deafness_at_ns = now + _DEAFNESS_NS
            if self._deaf():
                return self.end(Status(Reason.DEVICE_REMOVED))
        if not self._slots and not self._prepare(now):
            return self._frame
        primary = self._slots[0]
        status = self._ask(primary, now, self._slots[-1].surface)
        for cursor in self._slots[1:]:
            self._ask(cursor, now, primary.surface)
        return self._settle(status)

    def fileno(self) -> int:
        over = self._closed or self._frame.status.state is State.GONE
        return -1 if over else self._end_fd()

    def shown(self, frame: Frame, ns: int) -> None:
        """A guest behind a VFIO device waits for nobody."""

    def end(self, status: Status) -> Frame:
        """Give up on the device for good, with a reason of state *gone*; later polls return this frame.

        Every buffer is released; the device stays open until :meth:`close`, which is due at once but after
        whatever was made from the buffers is gone.
        """
        self.release_buffers()
        return self._publish(status)

    def close(self) -> None:
        """Release every buffer and then the device; more calls do nothing."""
        self._closed = True
        try:
            self.release_buffers()
        finally:
            self.device.close()

    def release_buffers(self) -> None:
        """Let go of every buffer; a later poll starts anew, where the driver may be asked for them again."""
        self._slots = ()
        self._probe_at_ns = 0
        if self._frame.primary is not None or self._frame.cursor is not None or self._frame.rejected:
            self._publish(Status(Reason.NOT_STARTED))
        self._region.release()
        self._buffers.release()

    def _publish(
        self,
        status: Status,
        primary: Surface | None = None,
        cursor: Surface | None = None,
        rejected: tuple[RejectedPlane, ...] = (),
    ) -> Frame:
        """The next frame. Timing costs an object, so that only a frame that differs gets one."""
        spent = self._clock() - self._poll_ns
        timing = FrameTiming(self._previous_poll_ns, self._poll_ns, spent - self._fetch_ns, self._fetch_ns)
        self._frame = Frame(status, primary, cursor, rejected, self._frame.serial + 1, None, timing)
        return self._frame

    def _deaf(self) -> bool:
        """Whether a device that answers queries with ENODEV does not even say what it is.

        A GVT-g device that its guest has not set up answers queries with ENODEV too, but knows itself.
        """
        if self._frame.status.reason is not Reason.NOT_INITIALIZED:
            return False
        try:
            device_info(self.device)
        except OSError as error:
            return error.errno in (errno.ENODEV, errno.EIO)
        return False

    def _prepare(self, now: int) -> bool:
        """Learn what the device offers. A device that offers nothing yet is asked again later."""
        if now < self._probe_at_ns:
            return False
        self._probe_at_ns = now + _RETRY_NS
        try:
            self._offer = probe(self.device)
        except OSError as error:
            self._show(Status(_QUERY_REASONS.get(error.errno or 0, Reason.DEVICE_FAULT), error_text(error)))
            return False
        backing = self._offer.backing
        if backing is None:
            self._show(Status(Reason.NO_DISPLAY))
            return False
        kinds = [PlaneKind.PRIMARY]
        # mdpy, the region driver at hand, ignores the plane type and would answer with the primary plane.
        if backing is Backing.DMABUF:
            kinds.append(PlaneKind.CURSOR)
        self._slots = tuple(_Slot(PlaneQuery(self.device, kind, backing)) for kind in kinds)
        return True

    def _ask(self, slot: _Slot, now: int, other: Surface | None) -> Status:
        """Bring one slot up to date; the status is what it would mean for the picture."""
        try:
            plane = self._query(slot.query)
        except OSError as error:
            slot.plane, slot.surface, slot.rejected = None, None, None
            reason = _QUERY_REASONS.get(error.errno or 0)
            if reason is None:
                self._complain("query", error)
            return Status(reason or Reason.DEVICE_FAULT, error_text(error))
        if plane is not slot.plane or (slot.rejected is not None and now >= slot.retry_at_ns):
            slot.plane = plane
            self._resolve(slot, plane, now, other)
        if slot.surface is not None:
            return _OK
        return slot.rejected.status if slot.rejected is not None else _PLANE_OFF

    @staticmethod
    def _query(query: PlaneQuery) -> Plane | None:
        try:
            return query.ask()
        except OSError as error:
            # mbochs answers ENOMEM to the first query of each new mode and is right the second time.
            if error.errno != errno.ENOMEM:
                raise
        return query.ask()

    def _resolve(self, slot: _Slot, plane: Plane | None, now: int, other: Surface | None) -> None:
        """Find the buffer of a plane that is new, or was refused a while ago."""
        slot.surface, slot.rejected = None, None
        slot.retry_at_ns = now + _RETRY_NS
        if plane is None:
            return
        began = self._clock()
        try:
            buffer = self._buffer(plane, other)
        except FetchRefused as refusal:
            status = refusal.status
        except OSError as error:
            self._complain("buffer", error)
            status = Status(Reason.FETCH_FAILED, error_text(error))
        else:
            fault = fault_of(plane, buffer.size if buffer is not None else sys.maxsize)
            if buffer is not None and fault is None:
                slot.surface = Surface(plane, buffer)
                return
            slot.rejected = RejectedPlane(plane, buffer, fault or Status(Reason.BAD_GEOMETRY))
            return
        finally:
            self._fetch_ns += self._clock() - began
        slot.rejected = RejectedPlane(plane, None, status)

    def _buffer(self, plane: Plane, other: Surface | None) -> Buffer | None:
        if plane.backing is Backing.DMABUF:
            # Fetched even when it cannot be shown: in GVT-g the query took a reference which only GET drops.
            shown = other.buffer if other is not None else None
            return self._buffers.get(plane, (shown,) if shown is not None else ())
        if fault_of(plane, sys.maxsize) is not None:
            return None
        return self._region.get(plane)

    def _settle(self, status: Status) -> Frame:
        """The last frame again when nothing changed, a new one otherwise."""
        primary, *cursors = self._slots
        cursor = cursors[0].surface if cursors and primary.surface is not None else None
        rejected = tuple(slot.rejected for slot in self._slots if slot.rejected is not None)
        last = self._frame
        if (
            last.primary is primary.surface
            and last.cursor is cursor
            and last.status == status
            and last.rejected == rejected
        ):
            return last
        return self._publish(status, primary.surface, cursor, rejected)

    def _show(self, status: Status) -> None:
        if self._frame.status != status:
            self._publish(status)

    def _complain(self, what: str, error: OSError) -> None:
        """Log a kind of fault once; a driver that repeats it a thousand times a second says nothing new."""
        if (what, error.errno) not in self._complained:
            self._complained.add((what, error.errno))
            _log.info("device fault: %s: %s", what, error_text(error))


_OK = Status(Reason.OK)
_PLANE_OFF = Status(Reason.PLANE_OFF)
