"""The prediction of the next flip: more exact than the polls, and none for a guest without a rate."""

from hypothesis import given
from hypothesis import strategies as st

from app.measure.loop.flip_clock import FlipClock

_MS = 1_000_000


def _seen(flip: int, poll: int, phase: int) -> tuple[int, int]:
    """The polls before and after a flip, which come every ``poll`` nanoseconds."""
    before = (flip - phase) // poll * poll + phase
    return before, before + poll


@given(
    interval=st.integers(4 * _MS, 50 * _MS),
    poll=st.integers(_MS // 5, _MS // 2),
    phases=st.lists(st.integers(0, _MS), min_size=12, max_size=12),
)
def test_regular_flip_is_expected_within_a_poll(interval: int, poll: int, phases: list[int]) -> None:
    clock = FlipClock()
    for number, phase in enumerate(phases):
        clock.flipped(*_seen(number * interval, poll, phase))
    expected = clock.expected_ns
    assert expected is not None
    assert abs(expected - len(phases) * interval) <= 2 * poll


def test_one_late_flip_keeps_the_rate_and_a_new_rate_is_learned() -> None:
    clock = FlipClock()
    times = [number * 16 * _MS for number in range(6)]
    times.append(times[-1] + 22 * _MS)
    for each in times:
        clock.flipped(each - _MS // 4, each)
    expected = clock.expected_ns
    assert expected is not None and abs(expected - times[-1] - 16 * _MS) < _MS
    for number in range(1, 9):
        at = times[-1] + number * 7 * _MS
        clock.flipped(at - _MS // 4, at)
    expected = clock.expected_ns
    assert expected is not None and abs(expected - times[-1] - 9 * 7 * _MS) < _MS


def test_flips_without_a_rate_are_not_predicted() -> None:
    clock = FlipClock()
    at = 0
    for interval in (5, 30, 9, 70, 14, 40, 8, 90):
        at += interval * _MS
        clock.flipped(at - _MS, at)
        assert clock.expected_ns is None


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 10**9)), max_size=30))
def test_any_times_are_taken(times: list[tuple[int, int]]) -> None:
    clock = FlipClock()
    for earliest, width in times:
        clock.flipped(earliest, earliest + width)
        assert clock.expected_ns is None or clock._interval >= 0
