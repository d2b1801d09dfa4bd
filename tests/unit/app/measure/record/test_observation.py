"""Events of another program become polls, durations, and the time from a flip to the next poll."""

import errno
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.observation import Observation, lag_band
from app.tracing.ioctl_events import IoctlEnd, IoctlEvent, IoctlStart

QUERY, FETCH = 0x3B72, 0x3B73
MS, US = 1_000_000, 1_000
TID, FD = 326, 14


def call(
    start_us: float, request: int = QUERY, took_us: float = 2, value: int = 0, fd: int = FD, tid: int = TID
) -> list[IoctlEvent]:
    start = round(start_us * US)
    return [IoctlStart(start, tid, fd, request), IoctlEnd(start + round(took_us * US), tid, value)]


def observe(*calls: list[IoctlEvent]) -> Observation:
    observation = Observation(lambda fd: True)
    observation.add([event for each in calls for event in each])
    return observation


# QEMU 10.0.2 with -display gtk,gl=on on mbochs: start in microseconds, request. Without a picture it asks for the
# primary plane only. It draws between its fetch and the query of the cursor.
QEMU = [
    (120_331_464, QUERY),
    (120_348_218, QUERY),
    (120_364_393, QUERY),
    (120_380_455, QUERY),
    (120_396_354, QUERY),
    (120_396_654, FETCH),
    (120_414_723, QUERY),
    (120_431_019, QUERY),
    (120_431_061, QUERY),
    (120_447_019, QUERY),
    (120_447_058, QUERY),
]


def test_two_planes_are_one_poll() -> None:
    observation = observe(*(call(16_000 * n + us) for n in range(10) for us in (0, 30)))
    (device,) = observation.devices
    assert (device.polls, device.queries) == (10, 20)
    assert device.stages["poll_interval"].count == 9
    assert device.stages["poll_interval"].percentile_ns(50) == pytest.approx(16 * MS, rel=0.01)


def test_one_plane_each_millisecond_is_a_poll_each() -> None:
    (device,) = observe(*(call(1000 * n) for n in range(10))).devices
    assert device.polls == 10


def test_a_viewer_that_imports_between_its_planes_polls_once() -> None:
    """Only when it is known to query two planes: until then a query after a pause is a poll."""
    steady = [call(16_000 * n + us) for n in range(5) for us in (0, 30)]
    flip = [call(80_000), call(80_010, FETCH, value=20), call(86_000)]
    (device,) = observe(*steady, *flip, call(96_000), call(96_030)).devices
    assert (device.polls, device.fetches) == (7, 1)


def test_a_query_that_is_repeated_after_enomem_is_of_the_same_poll() -> None:
    (device,) = observe(call(0, value=-errno.ENOMEM), call(5), call(30), call(16_000), call(16_030)).devices
    assert (device.polls, device.queries, device.queries_failed) == (2, 5, 1)
    assert device.document()["errors"] == {"ENOMEM": 1}


def test_a_recorded_qemu() -> None:
    (device,) = observe(*(call(us, request) for us, request in QEMU)).devices
    assert (device.queries, device.fetches) == (10, 1)
    document = device.document()
    assert 16_000 < document["stages"]["poll_interval"]["p50_us"] < 17_000


def test_durations_are_from_start_to_end_also_when_threads_overlap() -> None:
    events = [*call(0, took_us=50), *call(10, FETCH, took_us=500, tid=7, fd=FD)]
    (device,) = observe(sorted(events, key=lambda each: each.time_ns)).devices
    assert device.stages["query"].percentile_ns(50) == pytest.approx(50 * US, rel=0.01)
    assert device.stages["fetch"].percentile_ns(50) == pytest.approx(500 * US, rel=0.01)


def test_a_call_without_its_end_has_no_duration() -> None:
    (device,) = observe(call(0)[:1], call(16_000, took_us=3)).devices
    assert (device.queries, device.stages["query"].count) == (2, 1)


def test_devices_are_told_apart_and_others_are_left_out() -> None:
    observation = Observation(lambda fd: fd != 13)
    observation.add([*call(0, fd=13), *call(1, fd=14), *call(2, fd=15), *call(3, fd=15)])
    assert [(each.fd, each.queries) for each in observation.devices] == [(15, 2), (14, 1)]


def test_a_program_with_very_many_fds_and_threads_takes_no_more_memory() -> None:
    observation = Observation(lambda fd: True)
    observation.add([event for n in range(5000) for event in call(n, fd=n, tid=n)[:1]])
    assert len(observation._devices) == 32
    assert len(observation._calls) <= 1024


def test_lost_events_make_no_intervals() -> None:
    observation = observe(call(0), call(16_000))
    observation.add([*call(20_000), *call(500_000)], lost=3)
    observation.add([*call(1_000_000), *call(1_016_000)])
    (device,) = observation.devices
    assert observation.events_lost == 7
    assert device.stages["poll_interval"].count == 2
    assert device.stages["poll_interval"].percentile_ns(100) == pytest.approx(16 * MS, rel=0.01)


def test_a_flip_is_late_by_the_time_to_the_next_poll() -> None:
    observation = observe(call(0))
    observation.flipped(5 * MS, 6 * MS)
    observation.add(call(16_000))
    stage = observation.devices[0].stages["flip_to_poll"].document()
    assert stage["count"] == 1
    assert stage["p50_low_us"] == pytest.approx(10_000, rel=0.01)
    assert stage["p50_us"] == pytest.approx(10_500, rel=0.01)
    assert stage["p50_high_us"] == pytest.approx(11_000, rel=0.01)


def test_the_poll_after_a_flip_may_be_known_before_the_flip() -> None:
    observation = observe(call(0), call(16_000), call(32_000))
    observation.flipped(5 * MS, 6 * MS)
    assert observation.devices[0].stages["flip_to_poll"].percentile_ns(50) == pytest.approx(10.5 * MS, rel=0.01)


def test_a_flip_before_the_first_poll_is_not_counted() -> None:
    observation = observe(call(16_000))
    observation.flipped(5 * MS, 6 * MS)
    assert observation.devices[0].stages["flip_to_poll"].count == 0
    assert observation.flips_seen == 1


_STEPS = st.lists(st.integers(1, 40 * MS), min_size=2, max_size=30)


@given(_STEPS, st.integers(0, 20 * MS), st.integers(0, 20 * MS), st.floats(0, 1))
def test_the_true_lag_lies_in_the_band(steps: list[int], after: int, width: int, part: float) -> None:
    polls, now = [0], 0
    for each in steps:
        now += each
        polls.append(now)
    previous = min(after, now)
    seen = min(previous + width, now)
    flip = previous + round((seen - previous) * part)
    low, high = lag_band(polls, previous, seen)
    true = next(each for each in polls if each >= flip) - flip
    assert low <= true <= high
    assert high <= max(b - a for a, b in pairwise(polls))


_EVENTS = st.one_of(
    st.builds(
        IoctlStart, st.integers(0, 1 << 62), st.integers(1, 5), st.integers(0, 40), st.sampled_from([QUERY, FETCH])
    ),
    st.builds(IoctlEnd, st.integers(0, 1 << 62), st.integers(1, 5), st.integers(-(1 << 63), (1 << 63) - 1)),
)


@given(st.lists(_EVENTS, max_size=60), st.lists(st.integers(0, 1 << 62), max_size=5))
def test_any_events_give_figures(events: Iterable[IoctlEvent], flips: list[int]) -> None:
    observation = Observation(lambda fd: fd % 2 == 0)
    observation.add(sorted(events, key=lambda each: each.time_ns))
    for each in sorted(flips):
        observation.flipped(each, each + MS)
    for device in observation.devices:
        document = device.document()
        assert document["polls"] <= document["queries"]
