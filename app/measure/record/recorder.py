"""Makes a record of every submitted picture from what the frame loop, the renderer and the display tell.

The loop tells its polls and new frames, who draws tells the submission. The time on the GPU and the presentation come
some frames later. A record is passed on when all is known, or when it is too old to hope for the rest.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.measure.record.frame_record import FrameRecord, Kind
from app.measure.record.stages import Stages
from app.planes.frame import Frame, FrameTiming
from app.planes.plane import Backing

# A display that is this many pictures late will not tell any more (it discards what it did not show).
_MOST_PENDING = 16

Sink = Callable[[FrameRecord], object]


@dataclass(slots=True)
class Counters:
    """What was counted since the start. ``frames_shown`` counts submitted pictures that showed something new."""

    polls: int = 0
    flips_seen: int = 0
    flips_superseded: int = 0
    cursor_moves: int = 0
    frames_shown: int = 0
    repeats: int = 0


class Recorder:
    """A :class:`app.measure.loop.frame_loop.LoopObserver`. All calls come from one thread and raise nothing.

    ``sinks`` are called once with each completed record. ``true_flip_ns`` is the session's. ``expects_gpu`` and
    ``expects_present`` say which times come later by :meth:`gpu_time` and :meth:`presented`. ``flipped`` is called at
    once with the times between which a flip was seen, also for a flip that is never drawn. ``flips_lost`` is the
    session's. ``polls``: the source is polled. One that tells its changes has no polls: a frame of it came with the
    message at its ``timing``.
    """

    def __init__(
        self,
        sinks: Sequence[Sink] = (),
        true_flip_ns: Callable[[Frame], int | None] | None = None,
        *,
        expects_gpu: bool = False,
        expects_present: bool = False,
        flipped: Callable[[int, int], object] | None = None,
        flips_lost: Callable[[], int] | None = None,
        polls: bool = True,
    ) -> None:
        self.stages = Stages()
        self.counters = Counters()
        self._sinks = sinks
        self._true_flip_ns = true_flip_ns
        self._expects_gpu = expects_gpu
        self._expects_present = expects_present
        self._flipped = flipped
        self._flips_lost = flips_lost
        self._polls = polls
        # With those before the first poll of the run.
        self._lost_before: int | None = None
        self._previous_poll_ns: int | None = None
        self._query_ns: int | None = None
        self._found: Frame | None = None
        # What the next picture shows for the first time, since the last one.
        self._kind = Kind.REPEAT
        self._timing: FrameTiming | None = None
        self._true_ns: int | None = None
        self._drawn_true_ns: int | None = None
        self._pending: deque[FrameRecord] = deque()
        self._never_shown: set[int] = set()
        self._number = 0

    @property
    def flips_lost(self) -> int | None:
        """How many flips no poll saw since the first poll of the run; None if only the guest knows."""
        if self._flips_lost is None:
            return None
        return self._flips_lost() - self._lost_before if self._lost_before is not None else 0

    def start(self, frame: Frame) -> None:
        """``frame`` was on the screen before the measurement: it is not counted as a flip."""
        self._found = frame

    def polled(self, start_ns: int, end_ns: int) -> None:
        if not self._polls:
            return
        self.counters.polls += 1
        if self._lost_before is None and self._flips_lost is not None:
            self._lost_before = self._flips_lost()
        if self._previous_poll_ns is not None:
            self.stages["poll_interval"].record(start_ns, start_ns - self._previous_poll_ns)
        self._count_query()
        self._previous_poll_ns = start_ns
        self._query_ns = end_ns - start_ns

    def found(self, frame: Frame) -> None:
        before, self._found = self._found, frame
        if frame is before:
            return
        if frame.timing is not None:
            # Without the time of the fetch.
            self._query_ns = frame.timing.query_ns
        if frame.primary is not None and (before is None or frame.primary is not before.primary):
            self.counters.flips_seen += 1
            self.counters.flips_superseded += self._kind is Kind.FLIP
            self._expect(Kind.FLIP, frame.timing)
            self._true_ns = self._true_flip_ns(frame) if self._true_flip_ns is not None else None
            self._tell_flip(frame.timing)
            return
        if frame.primary is not None and frame.damage and self._kind is not Kind.FLIP:
            self._expect(Kind.CHANGE, frame.timing)
        if before is not None and frame.cursor is not before.cursor:
            self.counters.cursor_moves += 1
            if self._kind is Kind.REPEAT:
                self._expect(Kind.CURSOR, frame.timing)

    def pixels_changed(self, previous_ns: int, seen_ns: int) -> None:
        """A look at the pixels on the screen found changed ones. The look before, at ``previous_ns``, did not."""
        if self._kind is not Kind.FLIP:
            self._expect(Kind.CHANGE, FrameTiming(previous_ns, seen_ns))
            if self._true_flip_ns is not None and self._found is not None:
                self._true_ns = self._true_flip_ns(self._found)

    def drawn(self, frame: Frame, begin_ns: int, submit_ns: int, import_ns: int | None = None) -> FrameRecord:
        """A picture of ``frame`` was submitted."""
        kind, timing, true_ns = self._kind, self._timing, self._true_ns
        self._kind, self._timing, self._true_ns = Kind.REPEAT, None, None
        if kind is Kind.CHANGE and true_ns == self._drawn_true_ns:
            # Later looks see other rows of what was drawn already.
            true_ns = None
        self._drawn_true_ns = true_ns or self._drawn_true_ns
        if kind is Kind.REPEAT:
            self.counters.repeats += 1
        else:
            self.counters.frames_shown += 1
        self._number += 1
        primary = frame.primary
        record = FrameRecord(
            number=self._number,
            kind=kind,
            seen_ns=timing.seen_ns if timing is not None else None,
            previous_poll_ns=timing.previous_poll_ns if timing is not None else None,
            dmabuf_id=primary.plane.handle if primary and primary.plane.backing is Backing.DMABUF else None,
            query_ns=timing.query_ns or None if timing is not None else None,
            fetch_ns=timing.fetch_ns or None if timing is not None else None,
            import_ns=import_ns,
            begin_ns=begin_ns,
            submit_ns=submit_ns,
            true_flip_ns=true_ns,
        )
        self._pending.append(record)
        self._pass_on()
        return record

    def expect_no_gpu_times(self) -> None:
        """The GPU cannot be timed: from now on no record waits for that."""
        self._expects_gpu = False

    def gpu_time(self, number: int, ns: int) -> None:
        """The GPU needed ``ns`` nanoseconds for picture ``number``."""
        for record in self._pending:
            if record.number == number:
                record.gpu_ns = ns
        self._pass_on()

    def presented(self, number: int, ns: int | None) -> None:
        """Picture ``number`` was on the screen at ``ns``; None if the display never showed it."""
        for record in self._pending:
            if record.number == number:
                record.present_ns = ns
                if ns is None:
                    self._never_shown.add(number)
        self._pass_on()

    def finish(self) -> None:
        """Pass on the records that still wait, and count the last poll."""
        self._count_query()
        while self._pending:
            self._complete(self._pending.popleft())

    def _tell_flip(self, timing: FrameTiming | None) -> None:
        if timing is None:
            return
        low, high = 0, timing.seen_ns - timing.previous_poll_ns
        if self._true_ns is not None:
            low = high = timing.seen_ns - self._true_ns
        if self._polls:
            self.stages["flip_to_poll"].record_band(timing.seen_ns, low, high)
        if self._flipped is not None:
            known = self._true_ns
            self._flipped(known or timing.previous_poll_ns, known or timing.seen_ns)

    def _expect(self, kind: Kind, timing: FrameTiming | None) -> None:
        self._kind, self._timing = kind, timing

    def _pass_on(self) -> None:
        """Pass on the records that are complete, in their order."""
        pending = self._pending
        while pending and (len(pending) > _MOST_PENDING or self._is_complete(pending[0])):
            self._complete(pending.popleft())

    def _is_complete(self, record: FrameRecord) -> bool:
        waits_for_gpu = self._expects_gpu and record.gpu_ns is None
        is_presented = record.present_ns is not None or record.number in self._never_shown
        return not waits_for_gpu and (is_presented or not self._expects_present)

    def _count_query(self) -> None:
        if self._query_ns is not None and self._previous_poll_ns is not None:
            self.stages["query"].record(self._previous_poll_ns, self._query_ns)
            self._query_ns = None

    def _complete(self, record: FrameRecord) -> None:
        self._never_shown.discard(record.number)
        self.stages.add(record)
        for sink in self._sinks:
            sink(record)
