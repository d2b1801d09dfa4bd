"""The timing of one action: what is counted, and which sample a percentile is."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from app.measure.bench.bench_timing import MOST_SAMPLES, Timing, percentile, time_action


class Machine:
    """A clock that only an action advances, by the durations in turn; half of each is CPU time."""

    def __init__(self, *durations: int) -> None:
        self.now = 0
        self.runs = 0
        self._durations = itertools.cycle(durations)

    def act(self) -> None:
        self.runs += 1
        self.now += next(self._durations)

    def time(self, seconds: float) -> Timing:
        return time_action(self.act, seconds, lambda: self.now, lambda: self.now // 2)


def test_the_figures_are_those_of_the_clocks() -> None:
    timing = Machine(2000).time(1e-3)
    assert timing == Timing(p50_us=2.0, p99_us=2.0, cpu_us=1.0, count=500)


def test_a_rare_long_action_is_seen_in_the_tail_only() -> None:
    timing = Machine(*[1000] * 49, 9000).time(1e-2)
    assert (timing.p50_us, timing.p99_us) == (1.0, 9.0)


def test_an_action_longer_than_the_time_is_timed_once() -> None:
    assert Machine(5_000_000).time(0.001).count == 1
    assert Machine(1000).time(0).count == 1


def test_a_short_action_does_not_take_memory_without_end() -> None:
    machine = Machine(1)
    assert machine.time(1.0).count == MOST_SAMPLES
    assert machine.runs < MOST_SAMPLES + 100


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300), st.sampled_from((50, 99)))
def test_a_percentile_is_a_sample_with_its_part_below(samples: list[int], rank: int) -> None:
    found = percentile(sorted(samples), rank)
    assert found in samples
    assert 100 * sum(each < found for each in samples) < rank * len(samples)
    assert 100 * sum(each <= found for each in samples) >= rank * len(samples)
