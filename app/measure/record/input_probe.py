"""From a key to changed pixels: when a key is sent, and which change of the pixels is the guest's reaction to it.

Pure: whoever drives it looks at the pixels about every millisecond and tells each look. The looks are its clock.

A region may change without input, such as by a text cursor that blinks. So it is watched for a while before the first
key. A region that never rests long enough for a reaction is refused. In one that changes now and then, each key is sent
soon after such a change, when the next one is farthest away. A change that is seen when the next one is due again is
marked as uncertain.

The pause before each key is irregular. With a regular one, all keys could fall on the same moment between two
refreshes of the guest, and the figures would tell of that moment only.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum, auto
from random import Random
from typing import Any

from app.measure.record.stages import Stages

MISSES_IN_A_ROW = 3
"""So many keys one after the other without a reaction end the run; fewer, if no more are to be sent."""

_MS = 1_000_000
_SECOND = 1000 * _MS


@dataclass(frozen=True, slots=True)
class ProbeTimes:
    """Nanoseconds.

    The region is watched for ``baseline`` before the first key. It is at rest after ``rest`` without a change. Each key
    is sent up to ``jitter`` later than it could be. A key without a reaction within ``timeout`` is a miss. A region
    that does not come to rest within ``settle`` ends the run.
    """

    baseline: int = 2 * _SECOND
    rest: int = 100 * _MS
    jitter: int = 100 * _MS
    timeout: int = 2 * _SECOND
    settle: int = 10 * _SECOND


@dataclass(slots=True)
class InputRecord:
    """One key. Times are nanoseconds of ``time.monotonic_ns()``, None where unknown.

    The press and the release were handed to the monitor's connection at ``sent_ns``, and its answer was read at
    ``acknowledged_ns``. The pixels changed after ``previous_look_ns``, the start of the last look that did not see the
    change, and before ``changed_ns``, the end of the look that saw it. The picture that shows the change was submitted
    at ``submit_ns``. ``uncertain``: the change may be one that the region makes by itself.
    """

    key: str
    sent_ns: int | None = None
    acknowledged_ns: int | None = None
    previous_look_ns: int | None = None
    changed_ns: int | None = None
    submit_ns: int | None = None
    uncertain: bool = False

    @property
    def precedes_key(self) -> bool:
        """Whether the change was seen before the key was sent, so that it is no reaction to it."""
        return self.changed_ns is not None and self.sent_ns is not None and self.changed_ns <= self.sent_ns


class EndReason(Enum):
    """Why a probe ended before its time."""

    RESTLESS = auto()
    """The region changes by itself too often."""
    UNSETTLED = auto()
    """The region did not come to rest after a key."""
    NO_REACTION = auto()
    """The last keys changed nothing."""


class _Phase(Enum):
    BASELINE = auto()
    REST = auto()
    """Wait for the region to be at rest, then for the moment to send."""
    REACTION = auto()
    """A key was sent. Wait for a change and for the acknowledgement."""
    DONE = auto()


class InputProbe:
    """Sends ``count`` keys, one after the other of ``keys`` and from the start again, by calling ``send``.

    ``completed`` is called with the record of each key once all is known. All calls come from one thread.
    """

    def __init__(
        self,
        keys: Sequence[str],
        count: int,
        send: Callable[[str], object],
        completed: Callable[[InputRecord], object],
        times: ProbeTimes,
        random: Random,
    ) -> None:
        self.sent = 0
        self.misses = 0
        self.misses_in_a_row = 0
        self.own_changes = 0
        """Looks that saw a change during the baseline."""
        self.ended: EndReason | None = None
        self._keys = keys
        self._count = count
        self._send = send
        self._completed = completed
        self._times = times
        self._random = random
        self._phase = _Phase.BASELINE
        # The start of the last look, which is when the pixels were known to be as they are.
        self._looked_ns: int | None = None
        self._phase_ns = 0
        self._changed_ns = 0
        self._changed_by_itself = False
        # Until then a change may be the late reaction to the key before.
        self._hold_ns = 0
        self._jitter_ns = 0
        self._gaps_ns: list[int] = []
        # The shortest rest between two changes that the region made by itself; None if it made none.
        self._own_gap_ns: int | None = None
        self._finished_keys = 0
        self._record: InputRecord | None = None

    @property
    def finished(self) -> bool:
        return self._phase is _Phase.DONE

    @property
    def complete(self) -> bool:
        """Whether all keys were sent, and each had its reaction or its time."""
        return self.ended is None and self._finished_keys == self._count

    @property
    def last_key(self) -> str:
        """The key that was sent last; the first one if none was."""
        return self._keys[max(0, self.sent - 1) % len(self._keys)]

    def looked(self, begin_ns: int, end_ns: int, *, changed: bool | None) -> None:
        """A look at the pixels between these times did or did not see other ones than the look before.

        None: the pixels could not be seen.
        """
        before = self._looked_ns
        if before is None or changed is not None:
            self._looked_ns = begin_ns
        if before is None:
            self._phase_ns = self._changed_ns = end_ns
        elif self._phase is _Phase.BASELINE:
            self._watch(before, end_ns, changed is True)
        elif self._phase is _Phase.REST:
            self._rest(before, end_ns, changed is True)
        elif self._phase is _Phase.REACTION:
            self._react(before, end_ns, changed is True)

    def acknowledged(self, sent_ns: int, received_ns: int) -> None:
        """The VM answered the last key."""
        record = self._record
        if record is not None:
            record.sent_ns, record.acknowledged_ns = sent_ns, received_ns

    def submitted(self, ns: int) -> None:
        """A picture of the pixels that the last look saw was submitted."""
        record = self._record
        if record is not None and record.changed_ns is not None and record.submit_ns is None:
            record.submit_ns = ns

    def stop(self) -> None:
        """Send no more. The record of a key that still waits is completed as it is; more calls do nothing."""
        self._phase = _Phase.DONE
        record, self._record = self._record, None
        if record is not None:
            self._completed(record)

    def _watch(self, before: int, now: int, changed: bool) -> None:
        times = self._times
        if changed:
            self.own_changes += 1
            # Changes that follow one another within the time of rest are one. Only looks without a change prove a rest:
            # this program may have been stopped meanwhile.
            if before - self._changed_ns >= times.rest:
                self._gaps_ns.append(before - self._changed_ns)
            self._changed_ns = now
        if now - self._phase_ns < times.baseline:
            return
        if self.own_changes:
            # The first rest and the last one are cut off: they count only if there is no other.
            self._own_gap_ns = min(self._gaps_ns[1:], default=max(*self._gaps_ns, before - self._changed_ns, 0))
            if self._own_gap_ns < 2 * times.rest + times.jitter:
                self._end(EndReason.RESTLESS)
                return
        self._start_rest(now)

    def _start_rest(self, now: int) -> None:
        self._phase, self._phase_ns = _Phase.REST, now
        self._changed_by_itself = False
        self._jitter_ns = self._random.randint(0, self._times.jitter)

    def _rest(self, before: int, now: int, changed: bool) -> None:
        times = self._times
        rest = before - self._changed_ns
        if changed:
            by_itself = rest >= times.rest and now >= self._hold_ns
            self._changed_by_itself = self._changed_by_itself or by_itself
            self._changed_ns, rest = now, 0
        waited = now - self._phase_ns
        # A region that makes no more changes, such as that of a cursor that stopped to blink, is not waited for.
        good_moment = self._own_gap_ns is None or self._changed_by_itself or waited >= times.baseline
        if good_moment and rest >= times.rest + self._jitter_ns:
            self._press(now)
        elif waited >= times.settle:
            self._end(EndReason.UNSETTLED)

    def _press(self, now: int) -> None:
        self._record = InputRecord(self._keys[self.sent % len(self._keys)])
        self.sent += 1
        self._phase, self._phase_ns = _Phase.REACTION, now
        self._send(self._record.key)

    def _react(self, before: int, now: int, changed: bool) -> None:
        record = self._record
        assert record is not None
        if record.changed_ns is not None and record.sent_ns is not None:
            # Only now: the picture with the change was submitted after the look that saw it.
            self._finish_key(record, now, missed=False)
            self._changed_ns = now if changed else self._changed_ns
        elif changed:
            if record.changed_ns is None:
                record.previous_look_ns, record.changed_ns = before, now
                gap = self._own_gap_ns if self._changed_by_itself else None
                record.uncertain = gap is not None and now - self._changed_ns >= gap * 9 // 10
            self._changed_ns = now
        elif record.sent_ns is not None and now - max(self._phase_ns, record.sent_ns) >= self._times.timeout:
            self._finish_key(record, now, missed=True)

    def _finish_key(self, record: InputRecord, now: int, *, missed: bool) -> None:
        self._record = None
        self.misses += missed
        self.misses_in_a_row = self.misses_in_a_row + 1 if missed else 0
        self._finished_keys += 1
        if not missed and record.precedes_key:
            record.uncertain = True
        self._hold_ns = now + (self._own_gap_ns or 0) if missed or record.uncertain else now
        self._completed(record)
        if self.misses_in_a_row == min(MISSES_IN_A_ROW, self._count):
            self._end(EndReason.NO_REACTION)
        elif self.sent == self._count:
            self._phase = _Phase.DONE
        else:
            self._start_rest(now)

    def _end(self, reason: EndReason) -> None:
        self.ended = reason
        self._phase = _Phase.DONE


def count_input(stages: Stages, record: InputRecord) -> None:
    """Count the durations of a completed record in the stages ``input_to_acknowledge``, ``_change`` and ``_submit``."""
    sent = record.sent_ns
    if sent is None:
        return
    if record.acknowledged_ns is not None:
        stages["input_to_acknowledge"].record(record.acknowledged_ns, record.acknowledged_ns - sent)
    if record.changed_ns is None or record.previous_look_ns is None or record.precedes_key:
        return
    low, high = max(0, record.previous_look_ns - sent), record.changed_ns - sent
    stages["input_to_change"].record_band(record.changed_ns, low, high)
    if record.submit_ns is not None:
        stages["input_to_submit"].record(record.submit_ns, record.submit_ns - sent)


def input_document(probe: InputProbe, records: Sequence[InputRecord]) -> dict[str, Any]:
    """The part of a run document about input. The records are in the order of their keys."""
    return {
        "inputs_sent": probe.sent,
        "input_misses": probe.misses,
        "inputs_uncertain": sum(each.uncertain for each in records),
        "region_own_changes": probe.own_changes,
        "inputs": [asdict(each) for each in records],
    }
