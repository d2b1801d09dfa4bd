"""When keys are sent, and which change of the pixels counts as the reaction, on a simulated guest and clock."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.input_probe import (
    MISSES_IN_A_ROW,
    EndReason,
    InputProbe,
    InputRecord,
    ProbeTimes,
    count_input,
    input_document,
)
from app.measure.record.stages import Stages

_MS = 1_000_000
_TIMES = ProbeTimes()
# From the request to the socket, and from there to the answer.
_HANDED_NS, _ANSWER_NS = _MS // 10, _MS // 5
_STALLS = 0.01
# Only a probe that never ends takes so long.
_LONGEST_NS = 100_000 * _MS


class _Guest:
    """Changes its pixels ``reaction(number)`` nanoseconds after each key (None: never), and each ``blink`` by itself.

    ``run`` looks at it until the probe is finished. A look takes ``cost`` and sees the pixels of one moment in it.
    """

    def __init__(
        self,
        reaction: Callable[[int], int | None],
        *,
        count: int = 5,
        blink: int | None = None,
        cost: int = _MS // 5,
        interval: int = _MS,
        seed: int = 1,
        times: ProbeTimes = _TIMES,
        stall: int = 0,
    ) -> None:
        self.now = 1000 * _MS
        self.random = Random(seed)
        self.reaction = reaction
        self.cost, self.interval = cost, interval
        self.blink, self.stall = blink, stall
        self.next_blink = self.now + (self.random.randint(1, blink) if blink else 0)
        self.pressed: list[int] = []
        self.changes: list[int] = []
        self.answer: tuple[int, int] | None = None
        self.records: list[InputRecord] = []
        self.reactions: list[int | None] = []
        self.probe = InputProbe(["a", "b"], count, self._press, self.records.append, times, Random(seed))

    def _press(self, _key: str) -> None:
        sent = self.now + _HANDED_NS
        delay = self.reaction(len(self.pressed))
        self.pressed.append(sent)
        self.answer = (sent, sent + _ANSWER_NS)
        self.reactions.append(None if delay is None else sent + delay)
        if delay is not None:
            self.changes.append(sent + delay)

    def _sees_change(self, until: int) -> bool:
        if self.blink is not None:
            while self.next_blink <= until:
                self.changes.append(self.next_blink)
                self.next_blink += self.blink
        seen = [each for each in self.changes if each <= until]
        self.changes = [each for each in self.changes if each > until]
        return bool(seen)

    def run(self) -> "_Guest":
        start = self.now
        while not self.probe.finished and self.now - start < _LONGEST_NS:
            begin = self.now
            changed = self._sees_change(begin + self.random.randint(0, self.cost))
            self.now = begin + self.cost
            if self.answer is not None and self.answer[1] <= begin:
                self.probe.acknowledged(*self.answer)
                self.answer = None
            self.probe.looked(begin, self.now, changed=changed)
            if changed:
                self.now += _MS // 10
                self.probe.submitted(self.now)
            pause = self.stall if self.stall and self.random.random() < _STALLS else self.interval
            self.now = max(self.now, begin + pause)
        assert self.probe.finished
        return self


@given(st.integers(0, 300 * _MS), st.integers(1, 40 * _MS), st.integers(_MS, 40 * _MS), st.integers())
def test_true_latency_lies_in_each_band(delay: int, cost: int, interval: int, seed: int) -> None:
    times = ProbeTimes(baseline=50 * _MS, rest=30 * _MS, jitter=30 * _MS)
    guest = _Guest(lambda _: delay, cost=cost, interval=interval, seed=seed, count=2, times=times).run()
    assert guest.probe.complete
    assert (guest.probe.sent, guest.probe.misses, len(guest.records)) == (2, 0, 2)
    for record, sent, true_ns in zip(guest.records, guest.pressed, guest.reactions, strict=True):
        assert record.sent_ns == sent
        assert true_ns is not None
        assert record.previous_look_ns is not None
        assert record.changed_ns is not None
        assert record.submit_ns is not None
        assert record.previous_look_ns <= true_ns <= record.changed_ns < record.submit_ns
        assert record.changed_ns - record.previous_look_ns <= interval + 2 * cost + _MS // 10
        assert not record.uncertain


def test_known_latency_is_within_the_bands_of_the_stages() -> None:
    guest, stages = _Guest(lambda _: 30 * _MS, count=40).run(), Stages()
    for record in guest.records:
        count_input(stages, record)
    change, submit = (stages[name].document() for name in ("input_to_change", "input_to_submit"))
    for percentile in ("p50", "p99", "max"):
        assert change[f"{percentile}_low_us"] <= 30_000 <= change[f"{percentile}_high_us"]
        assert change[f"{percentile}_high_us"] - change[f"{percentile}_low_us"] < 1500
        assert 30_000 < submit[f"{percentile}_us"] < 31_500
    acknowledged = stages["input_to_acknowledge"]
    assert (acknowledged.count, acknowledged.percentile_ns(50)) == (40, _ANSWER_NS)
    assert change["count"] == submit["count"] == 40


@given(st.lists(st.tuples(st.integers(0, 200 * _MS), st.sampled_from([True, False, None, "answer"])), max_size=200))
def test_any_sequence_of_looks_gives_consistent_records(steps: list[tuple[int, bool | str | None]]) -> None:
    now, records = 0, list[InputRecord]()
    requests: list[int] = []
    times = ProbeTimes(baseline=300 * _MS, timeout=500 * _MS)
    probe = InputProbe(["a"], 4, lambda _: requests.append(now), records.append, times, Random(0))
    for pause, what in steps:
        begin = now
        now += pause + 1
        if isinstance(what, str):
            if requests:
                probe.acknowledged(requests[-1], now)
        else:
            probe.looked(begin, now, changed=what)
            probe.submitted(now)
    probe.stop()
    assert probe.finished
    assert probe.sent == len(requests) == len(records) <= 4
    assert probe.misses <= sum(each.changed_ns is None for each in records)
    for record, requested in zip(records, requests, strict=True):
        assert (record.changed_ns is None) == (record.previous_look_ns is None)
        if record.changed_ns is not None and record.previous_look_ns is not None:
            assert record.previous_look_ns < record.changed_ns
            assert record.changed_ns > requested
    assert input_document(probe, records)["inputs_sent"] == len(records)


@given(st.integers(450 * _MS, 1500 * _MS), st.integers(0, 100 * _MS), st.integers())
def test_blinking_cursor_is_not_taken_for_a_reaction(blink: int, delay: int, seed: int) -> None:
    guest = _Guest(lambda _: delay, blink=blink, seed=seed, interval=4 * _MS, count=3).run()
    assert guest.probe.complete
    gap = guest.probe._own_gap_ns
    assert gap is not None
    for record, true_ns in zip(guest.records, guest.reactions, strict=True):
        assert record.previous_look_ns is not None
        assert record.changed_ns is not None
        assert true_ns is not None
        assert record.previous_look_ns <= true_ns <= record.changed_ns
        assert not record.uncertain


def test_reaction_as_late_as_the_next_blink_is_uncertain() -> None:
    guest = _Guest(lambda _: 700 * _MS, blink=600 * _MS).run()
    assert [each.uncertain for each in guest.records] == [True] * 5
    assert input_document(guest.probe, guest.records)["inputs_uncertain"] == 5


@pytest.mark.parametrize("blink", [1 * _MS, 16 * _MS, 120 * _MS, 250 * _MS])
def test_region_that_never_rests_is_refused(blink: int) -> None:
    guest = _Guest(lambda _: 10 * _MS, blink=blink).run()
    assert (guest.probe.ended, guest.probe.sent, guest.records) == (EndReason.RESTLESS, 0, [])
    assert guest.probe.own_changes > 0


def test_moment_without_looks_is_not_taken_for_a_rest() -> None:
    """The program that looks may be stopped, or have no processor for a while."""
    for seed in range(20):
        guest = _Guest(lambda _: 10 * _MS, blink=20 * _MS, stall=500 * _MS, seed=seed).run()
        assert (guest.probe.ended, guest.probe.sent) == (EndReason.RESTLESS, 0)


def test_region_that_becomes_restless_ends_the_run() -> None:
    guest = _Guest(lambda _: 10 * _MS)
    guest.reaction = lambda number: setattr(guest, "blink", 20 * _MS if number == 1 else None) or 10 * _MS  # type: ignore[func-returns-value]
    guest.run()
    assert guest.probe.ended is EndReason.UNSETTLED
    assert (len(guest.records), guest.probe.complete) == (2, False)


def test_cursor_that_stops_to_blink_is_not_waited_for() -> None:
    guest = _Guest(lambda _: 10 * _MS, blink=500 * _MS)
    guest.reaction = lambda _: setattr(guest, "blink", None) or 10 * _MS  # type: ignore[func-returns-value]
    guest.run()
    assert guest.probe.complete
    assert [each.uncertain for each in guest.records[1:]] == [False] * 4


def test_misses_are_counted_and_several_in_a_row_end_the_run() -> None:
    guest = _Guest(lambda number: None if number % 2 else 10 * _MS, count=9).run()
    assert (guest.probe.misses, guest.probe.complete) == (4, True)
    assert [each.changed_ns is None for each in guest.records] == [bool(number % 2) for number in range(9)]
    guest = _Guest(lambda number: 10 * _MS if number < 2 else None, count=9).run()
    assert guest.probe.ended is EndReason.NO_REACTION
    assert (guest.probe.sent, guest.probe.misses, guest.probe.complete) == (2 + MISSES_IN_A_ROW, MISSES_IN_A_ROW, False)
    assert guest.probe.last_key == "a"
    guest = _Guest(lambda _: None, count=1).run()
    assert (guest.probe.ended, guest.probe.misses_in_a_row) == (EndReason.NO_REACTION, 1)


def test_run_that_is_stopped_before_the_last_reaction_is_not_complete() -> None:
    records: list[InputRecord] = []
    probe = InputProbe(["a"], 1, lambda _: None, records.append, ProbeTimes(0, 0, 0), Random(0))
    for time in range(1, 5):
        probe.looked(time * _MS, time * _MS + 1, changed=False)
    assert (probe.sent, records) == (1, [])
    probe.stop()
    probe.stop()
    assert (probe.finished, probe.complete, len(records)) == (True, False, 1)


def test_pauses_are_irregular_and_the_same_in_each_run() -> None:
    pauses = []
    for _ in range(2):
        guest = _Guest(lambda _: 30 * _MS, count=20).run()
        pauses.append([later - earlier for earlier, later in pairwise(guest.pressed)])
    assert pauses[0] == pauses[1]
    assert min(pauses[0]) >= 30 * _MS + _TIMES.rest
    assert max(pauses[0]) - min(pauses[0]) > _TIMES.jitter // 2
    assert len(set(pauses[0])) > 10


def test_change_that_precedes_the_key_is_no_reaction() -> None:
    """The key waited in this program while the region changed by itself."""
    records: list[InputRecord] = []
    probe = InputProbe(["a"], 1, lambda _: None, records.append, ProbeTimes(0, 0, 0), Random(0))
    for time in range(1, 5):
        probe.looked(time * _MS, time * _MS + 1, changed=probe.sent > 0)
    probe.acknowledged(10 * _MS, 11 * _MS)
    probe.looked(12 * _MS, 13 * _MS, changed=False)
    (record,) = records
    assert record.uncertain
    stages = Stages()
    count_input(stages, record)
    assert (stages["input_to_acknowledge"].count, stages["input_to_change"].count) == (1, 0)


def test_pixels_that_cannot_be_seen_make_a_miss_and_no_narrow_band() -> None:
    records: list[InputRecord] = []
    probe = InputProbe(["a"], 2, lambda _: None, records.append, ProbeTimes(0, 0, 0, 50 * _MS), Random(0))
    now = 0

    def looks(*found: bool | None) -> None:
        nonlocal now
        for changed in found:
            now += 10 * _MS
            probe.looked(now, now + 1, changed=changed)

    looks(False, False, False)
    assert probe.sent == 1
    probe.acknowledged(now + 2, now + 3)
    last_seen = now
    looks(None, None, True, False)
    assert records[0].previous_look_ns == last_seen
    looks(False)
    assert probe.sent == 2
    probe.acknowledged(now + 2, now + 3)
    looks(*[None] * 7)
    assert (probe.misses, probe.complete) == (1, True)
