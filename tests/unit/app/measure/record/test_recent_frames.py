"""The newest frames as columns."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.frame_record import FrameRecord, Kind
from app.measure.record.recent_frames import RecentFrames, buckets, means, percentiles

MS = 1_000_000
SECOND = 1000 * MS


def record(number: int, submit: int, *, kind: Kind = Kind.FLIP, lag: int = 5 * MS, band: int = 2 * MS) -> FrameRecord:
    """A picture that was submitted ``lag`` after the poll that saw it, which was ``band`` after the one before."""
    seen = submit - lag
    return FrameRecord(number, kind, seen, seen - band, 1, 10, None, None, submit - 1 * MS, submit)


def test_a_flip_counts_from_the_middle_between_its_polls_and_its_parts_add_up() -> None:
    recent = RecentFrames()
    flip = record(1, 100 * MS)
    flip.gpu_ns, flip.present_ns = 3 * MS, 112 * MS
    recent.add(flip)
    columns = recent.since(0)
    assert columns.latency[0] == 6 * MS
    assert columns.unseen[0] + columns.wait[0] + columns.draw[0] == 6 * MS
    assert (columns.unseen[0], columns.draw[0], columns.gpu[0], columns.present[0]) == (MS, MS, 3 * MS, 12 * MS)


def test_only_what_shows_something_new_has_a_latency_and_counts_as_a_frame() -> None:
    recent = RecentFrames()
    for number, kind in enumerate(Kind):
        recent.add(record(number, SECOND + number, kind=kind))
    columns = recent.since(0)
    assert list(columns.is_new) == [kind in (Kind.FLIP, Kind.CHANGE) for kind in Kind]
    assert list(columns.is_flip) == [kind is Kind.FLIP for kind in Kind]
    assert list(np.isnan(columns.latency)) == [not each for each in columns.is_new]
    assert columns.frames_per_second(SECOND + 10) == 2
    assert columns.cursor_moves_per_second(SECOND + 10) == 1
    assert columns.frames_per_second(3 * SECOND) == 0


@given(st.integers(1, 9), st.lists(st.integers(0, 50), max_size=40), st.integers(-5, 2000))
def test_the_newest_frames_are_kept_in_their_order(capacity: int, gaps: list[int], start: int) -> None:
    recent = RecentFrames(capacity)
    times = [int(each) for each in np.cumsum(gaps)]
    for number, time in enumerate(times):
        recent.add(record(number, time))
    assert len(recent) == min(capacity, len(times))
    assert list(recent.since(start).submit_ns) == [each for each in times[-capacity:] if each >= start]
    recent.clear()
    assert len(recent.since(0).submit_ns) == 0


@given(st.lists(st.floats(0, 1e12) | st.just(math.nan), max_size=60), st.floats(0, 100))
def test_a_percentile_is_a_measured_value_with_its_share_below(values: list[float], rank: float) -> None:
    (found,) = percentiles(np.array(values, float), rank)
    known = sorted(each for each in values if not math.isnan(each))
    if not known:
        assert math.isnan(found)
        return
    assert found in known
    assert sum(each <= found for each in known) >= rank / 100 * len(known) - 1e-6
    assert sum(each < found for each in known) <= rank / 100 * len(known) + 1e-6


@given(
    st.lists(st.tuples(st.integers(-100, 400), st.floats(-1e9, 1e9) | st.just(math.nan)), max_size=60),
    st.integers(1, 50),
    st.integers(1, 20),
)
def test_a_bucket_has_the_extremes_and_the_mean_of_its_time(
    points: list[tuple[int, float]], width: int, count: int
) -> None:
    times = np.array([time for time, _ in points], np.int64)
    values = np.array([value for _, value in points], float)
    low, high = buckets(times, values, 10, width, count)
    mean = means(times, values, 10, width, count)
    for index in range(count):
        start = 10 + index * width
        inside = [value for time, value in points if start <= time < start + width and not math.isnan(value)]
        if inside:
            assert (low[index], high[index]) == (min(inside), max(inside))
            assert math.isclose(mean[index], sum(inside) / len(inside), rel_tol=1e-9, abs_tol=1e-3)
        else:
            assert math.isnan(low[index]) and math.isnan(high[index]) and math.isnan(mean[index])
