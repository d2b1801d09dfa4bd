"""The poller queries the planes of a device and makes frames of the answers.

The work of one poll is bounded. Each plane costs one query, a second query if the driver answered ENOMEM, and at most
one fetch. A fetch may evict an old buffer, which may cost another fetch (see :mod:`app.vfio.buffer_cache`). Failed
fetches are retried after a pause.
"""

import errno
import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.device.device_facts import DeviceFacts, read_pci_command
from app.device.gfx_plane import DisplayOffer, PlaneQuery, probe
from app.device.info import device_info
from app.device.seam import Device
from app.errors import error_text
from app.planes.buffer import Buffer
from app.planes.buffer_facts import BufferFacts
from app.planes.check import check_plane
from app.planes.dmabuf import DmaBufInfo, dma_buf_info
from app.planes.frame import Frame, FrameTiming, RejectedPlane, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from app.vfio.buffer_cache import BufferCache, FetchRecord, FetchRefused, FetchRule, fetch_error_text
from app.vfio.query_status import query_status
from app.vfio.region_cache import RegionCache
from app.vfio.region_mapping import Stays, never_stays

_log = logging.getLogger(__name__)

_OK = Status(Reason.OK)
_PLANE_OFF = Status(Reason.PLANE_OFF)
_NO_CURSOR_PLANE = Status(Reason.NO_CURSOR_PLANE)

# The pause before the retry of a failed fetch or mapping, or of a probe that found no display.
_RETRY_NS = 200_000_000
# The interval for checking whether a device that answers ENODEV was removed.
_REMOVAL_CHECK_NS = 250_000_000

# Surfaces of one plane that are kept. A cursor that moves has a new one each time.
_MOST_SURFACES = 32
# Buffers whose changes are counted. More than the buffer cache holds.
_MOST_COUNTS = 512


@dataclass(slots=True)
class _Slot:
    """One plane at the last poll. ``queried_again``: a query returned ``plane`` again after its buffer was found.

    ``shown`` has the surfaces of late, by the id of their plane: a flip to a known buffer makes no new one.
    """

    query: PlaneQuery
    plane: Plane | None = None
    surface: Surface | None = None
    rejected: RejectedPlane | None = None
    retry_at_ns: int = 0
    queried_again: bool = False
    shown: dict[int, Surface] = field(default_factory=dict)

    @property
    def buffer(self) -> Buffer | None:
        """The buffer of the plane, even if it cannot be shown."""
        if self.surface is not None:
            return self.surface.buffer
        return self.rejected.buffer if self.rejected is not None else None


class Poller:
    """A frame source that polls one VFIO device (:class:`app.planes.frame_source.FrameSource`). Not thread-safe.

    Owns ``device`` and everything fetched from it. Every poll calls ``ended``, which returns the last status if the
    device is gone, None otherwise. ``end_fd`` returns a fd that becomes readable at the end, -1 for none. ``clock``
    counts nanoseconds. ``record`` records fetches for other processes. ``stays`` tells whether a mapped region can
    never vanish (:mod:`app.vfio.region_mapping`). ``buffer_info`` tells of a fetched fd.
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
        stays: Stays = never_stays,
        buffer_info: Callable[[int], DmaBufInfo] = dma_buf_info,
    ) -> None:
        self.device = device
        self._ended = ended
        self._end_fd = end_fd
        self._clock = clock
        self._buffers = BufferCache(device, rule, record, buffer_info)
        self._region = RegionCache(device, stays)
        self._offer: DisplayOffer | None = None
        self._slots: tuple[_Slot, ...] = ()
        self._frame = Frame(Status(Reason.NOT_STARTED))
        # By the serial number of the buffer. Some of the buffers may have been released.
        self._times_shown: defaultdict[int, int] = defaultdict(int)
        self._probe_at_ns = 0
        self._removal_check_at_ns = clock() + _REMOVAL_CHECK_NS
        # Closed, or the device is gone.
        self._finished = False
        self._logged: set[tuple[str, int | None]] = set()
        self._query_errors: Counter[int] = Counter()
        # The start of the previous and of the current poll, when the current one saw a change, and how long it fetched.
        self._previous_poll_ns = self._poll_ns = clock()
        self._seen_ns: int | None = None
        self._fetch_ns = 0

    @property
    def offer(self) -> DisplayOffer | None:
        """The kinds of planes that the device supports; None before the first successful probe."""
        return self._offer

    def facts(self) -> DeviceFacts:
        """Reads the device's PCI command register, and nothing else of the device. Raises nothing."""
        errors = tuple((errno.errorcode.get(code, str(code)), count) for code, count in self._query_errors.items())
        return DeviceFacts(self._offer, read_pci_command(self.device), errors)

    @property
    def frame(self) -> Frame:
        """The frame of the last poll."""
        return self._frame

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now. It asks the device nothing."""
        surfaces = (self._frame.primary, self._frame.cursor)
        shown = {each.buffer.serial: each.plane for each in surfaces if each is not None}
        facts = [
            BufferFacts(
                serial=each.buffer.serial,
                plane=each.plane,
                size=each.buffer.size,
                fd=each.buffer.dmabuf_fd,
                inode=each.buffer.inode,
                exporter=each.buffer.exporter,
                name=each.buffer.info.name,
                fetches=each.fetches,
                hits=each.hits,
            )
            for each in self._buffers.buffers()
        ]
        return tuple(
            replace(
                each,
                plane=shown.get(each.serial, each.plane),
                times_shown=self._times_shown.get(each.serial, 0),
                on_screen=each.serial in shown,
            )
            for each in (*facts, *self._region.buffers())
        )

    def latest(self) -> Frame:
        """Poll once. An error of the device raises nothing: the frame's status has the reason.

        If the poller is closed or the device is gone, this does not poll and returns the last frame.
        """
        if self._finished:
            return self._frame
        now = self._clock()
        self._previous_poll_ns, self._poll_ns = self._poll_ns, now
        self._seen_ns, self._fetch_ns = None, 0
        ended = self._ended()
        if ended is not None:
            return self.end(ended)
        if now >= self._removal_check_at_ns:
            self._removal_check_at_ns = now + _REMOVAL_CHECK_NS
            if self._is_removed():
                return self.end(Status(Reason.DEVICE_REMOVED))
        if not self._slots and not self._prepare(now):
            return self._frame
        primary, last = self._slots[0], self._slots[-1]
        status = self._update(primary, now, last)
        cursor_status = self._update(last, now, primary) if last is not primary else _NO_CURSOR_PLANE
        return self._next_frame(status, cursor_status)

    def fileno(self) -> int:
        return -1 if self._finished else self._end_fd()

    def shown(self, frame: Frame, ns: int) -> None:
        """Does nothing: the guest of a VFIO device does not wait for this."""

    def end(self, status: Status) -> Frame:
        """End polling, with a reason of the state *gone*. Later polls return this frame.

        Releases every buffer. The device stays open until :meth:`close`. Call that as soon as everything that was made
        from the buffers is released.
        """
        frame = self._publish(status)
        self._finished = True
        self.release_buffers()
        return frame

    def close(self) -> None:
        """Release every buffer and then the device; more calls do nothing."""
        self._finished = True
        try:
            self.release_buffers()
        finally:
            self.device.close()

    def release_buffers(self) -> None:
        """Release every buffer. A later poll probes again, and fetches buffers again if the fetch rule allows it."""
        for slot in self._slots:
            self._leave_plane(slot)
        self._slots = ()
        self._probe_at_ns = 0
        if self._frame.primary is not None or self._frame.cursor is not None or self._frame.rejected:
            # No poll found this status, so it has no timing.
            self._frame = Frame(Status(Reason.NOT_STARTED), serial=self._frame.serial + 1)
        self._region.release()
        self._buffers.release()
        self._times_shown.clear()

    def _publish(
        self,
        status: Status,
        primary: Surface | None = None,
        cursor: Surface | None = None,
        rejected: tuple[RejectedPlane, ...] = (),
        cursor_status: Status = _PLANE_OFF,
    ) -> Frame:
        """Make the next frame. This is only called for a frame that differs, because its timing object costs time."""
        now = self._clock()
        seen = now if self._seen_ns is None else self._seen_ns
        spent = now - self._poll_ns - self._fetch_ns
        timing = FrameTiming(self._previous_poll_ns, seen, spent, self._fetch_ns)
        self._frame = Frame(status, primary, cursor, rejected, self._frame.serial + 1, None, timing, cursor_status)
        return self._frame

    def _is_removed(self) -> bool:
        """Whether a device that answers queries with ENODEV does not answer GET_INFO either.

        A GVT-g device that its guest has not set up also answers queries with ENODEV, but it answers GET_INFO.
        """
        if self._frame.status.reason is not Reason.NOT_INITIALIZED:
            return False
        try:
            device_info(self.device)
        except OSError as error:
            return error.errno in (errno.ENODEV, errno.EIO)
        return False

    def _prepare(self, now: int) -> bool:
        """Probe the device. If it offers no display, probe it again later."""
        if now < self._probe_at_ns:
            return False
        self._probe_at_ns = now + _RETRY_NS
        try:
            self._offer = probe(self.device)
        except OSError as error:
            self._publish_status(query_status(error))
            return False
        backing = self._offer.backing
        if backing is None:
            self._publish_status(Status(Reason.NO_DISPLAY))
            return False
        kinds = [PlaneKind.PRIMARY]
        # The region driver mdpy ignores the plane type and would answer with the primary plane.
        if backing is Backing.DMABUF:
            kinds.append(PlaneKind.CURSOR)
        self._slots = tuple(_Slot(PlaneQuery(self.device, kind, backing)) for kind in kinds)
        return True

    def _update(self, slot: _Slot, now: int, other: _Slot, *, again: bool = False) -> Status:
        """Query the plane of a slot, and get its buffer if the plane changed or a retry is due.

        Returns the status of the plane.
        """
        try:
            plane = slot.query.execute()
        except OSError as error:
            # mbochs answers ENOMEM to the first query of each new mode, and succeeds the second time.
            if error.errno == errno.ENOMEM and not again:
                return self._update(slot, now, other, again=True)
            self._leave_plane(slot)
            slot.plane, slot.surface, slot.rejected = None, None, None
            self._query_errors[error.errno or 0] += 1
            status = query_status(error)
            if status.reason is Reason.DEVICE_FAULT:
                self._log_once("query", error)
            return status
        if plane is not slot.plane or (slot.rejected is not None and now >= slot.retry_at_ns):
            if self._seen_ns is None:
                # The query may have seen a change that is newer than the start of the poll.
                self._seen_ns = self._clock()
            if slot.queried_again:
                self._leave_plane(slot)
            slot.plane = plane
            before = slot.surface
            known = slot.shown.get(id(plane))
            # The surface keeps its plane alive, so no other plane has this id.
            if known is not None and self._buffers.reuse(known):
                slot.surface, slot.rejected = known, None
            else:
                self._resolve(slot, plane, now, other)
            surface = slot.surface
            if surface is not None and (before is None or surface.buffer is not before.buffer):
                self._times_shown[surface.buffer.serial] += 1
        else:
            slot.queried_again = True
        if slot.surface is not None:
            return _OK
        return slot.rejected.status if slot.rejected is not None else _PLANE_OFF

    def _leave_plane(self, slot: _Slot) -> None:
        """Tell the cache if queries returned the plane again. This is not done at every poll, to keep polls cheap."""
        plane = slot.plane
        if slot.queried_again and plane is not None and plane.backing is Backing.DMABUF and slot.buffer is not None:
            assert plane.handle is not None
            self._buffers.note_query(plane.handle)
        slot.queried_again = False

    def _resolve(self, slot: _Slot, plane: Plane | None, now: int, other: _Slot) -> None:
        """Get the buffer of a plane that is new or whose retry is due."""
        slot.surface, slot.rejected = None, None
        slot.retry_at_ns = now + _RETRY_NS
        if plane is None:
            return
        began, fetches = self._clock(), self._buffers.fetches
        try:
            buffer = self._buffer(plane, other)
        except FetchRefused as refusal:
            status = refusal.status
        except OSError as error:
            self._log_once("buffer", error)
            status = Status(Reason.FETCH_FAILED, fetch_error_text(error), error.errno)
        else:
            fault = check_plane(plane, buffer.size if buffer is not None else sys.maxsize)
            if len(self._times_shown) >= _MOST_COUNTS:
                held = {each.serial: each.times_shown for each in self.buffers()}
                self._times_shown = defaultdict(int, held)
            if buffer is not None and fault is None:
                slot.surface = Surface(plane, buffer)
                if plane.backing is Backing.DMABUF:
                    if len(slot.shown) >= _MOST_SURFACES:
                        slot.shown.clear()
                    slot.shown[id(plane)] = slot.surface
                return
            slot.rejected = RejectedPlane(plane, buffer, fault or Status(Reason.BAD_GEOMETRY))
            return
        finally:
            if self._buffers.fetches != fetches:
                self._fetch_ns += self._clock() - began
        slot.rejected = RejectedPlane(plane, None, status)

    def _buffer(self, plane: Plane, other: _Slot) -> Buffer | None:
        if plane.backing is Backing.DMABUF:
            # Fetched even if it cannot be shown: in GVT-g the query took a reference that only a fetch drops.
            kept = other.buffer
            return self._buffers.get(plane, (kept,) if kept is not None else ())
        if check_plane(plane, sys.maxsize) is not None:
            return None
        return self._region.get(plane)

    def _next_frame(self, status: Status, cursor_status: Status) -> Frame:
        """The last frame if nothing changed, otherwise a new one."""
        slots = self._slots
        primary = slots[0].surface
        cursor = slots[1].surface if len(slots) > 1 and primary is not None else None
        rejected: tuple[RejectedPlane, ...] = ()
        for slot in slots:
            if slot.rejected is not None:
                rejected += (slot.rejected,)
        last = self._frame
        if (
            last.primary is primary
            and last.cursor is cursor
            and (last.status is status or last.status == status)
            and (last.cursor_status is cursor_status or last.cursor_status == cursor_status)
            and last.rejected == rejected
        ):
            return last
        return self._publish(status, primary, cursor, rejected, cursor_status)

    def _publish_status(self, status: Status) -> None:
        if self._frame.status != status:
            self._publish(status)

    def _log_once(self, what: str, error: OSError) -> None:
        """Log each kind of error once, because a driver may repeat it a thousand times a second."""
        if (what, error.errno) not in self._logged:
            self._logged.add((what, error.errno))
            _log.info("device fault: %s: %s", what, error_text(error))
