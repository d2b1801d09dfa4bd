"""The buckets of a histogram that are not empty."""

from collections.abc import Iterator

import numpy as np
from hdrh.histogram import HdrHistogram


class RecordedBuckets:
    """A histogram as it is now. The library's own walks go through each bucket in Python, which takes a second."""

    def __init__(self, histogram: HdrHistogram) -> None:
        self._histogram = histogram
        counts = np.ctypeslib.as_array(histogram.counts)
        self._indices = np.flatnonzero(counts)
        self._counts = counts[self._indices]
        self._ranks = np.cumsum(self._counts)

    def lower_end(self, percentile: float) -> int:
        """The least value of the bucket at a percentile, in the histogram's units; 0 if nothing was recorded."""
        return int(self._histogram.get_lowest_equivalent_value(self._value(percentile)))

    def upper_end(self, percentile: float) -> int:
        """The greatest value of that bucket."""
        return int(self._histogram.get_highest_equivalent_value(self._value(percentile)))

    def ends_and_counts(self) -> Iterator[tuple[int, int]]:
        """The upper end and the count of each bucket, in rising order."""
        for index, count in zip(self._indices.tolist(), self._counts.tolist(), strict=True):
            value = self._histogram.get_value_from_index(index)
            yield int(self._histogram.get_highest_equivalent_value(value)), count

    def _value(self, percentile: float) -> int:
        if not self._indices.size:
            return 0
        rank = self._histogram.get_target_count_at_percentile(percentile)
        at = min(int(np.searchsorted(self._ranks, rank)), self._indices.size - 1)
        return int(self._histogram.get_value_from_index(int(self._indices[at])))
