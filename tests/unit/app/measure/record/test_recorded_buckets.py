"""The buckets agree with the library's own walks through its histogram."""

from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from app.measure.record.recorded_buckets import RecordedBuckets

_MOST = 1_000_000
_PERCENTILES = (0.1, 50.0, 90.0, 99.0, 99.9, 100.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, _MOST), st.integers(1, 1000)), max_size=40))
def test_buckets_are_those_of_the_library(values: list[tuple[int, int]]) -> None:
    histogram = HdrHistogram(1, _MOST, 3)
    for value, count in values:
        histogram.record_value(value, count)
    buckets = RecordedBuckets(histogram)
    walked = [(each.value_iterated_to, each.count_at_value_iterated_to) for each in histogram.get_recorded_iterator()]
    assert list(buckets.ends_and_counts()) == walked
    for each in _PERCENTILES:
        value = histogram.get_value_at_percentile(each)
        assert buckets.upper_end(each) == value
        assert buckets.lower_end(each) == histogram.get_lowest_equivalent_value(value)
