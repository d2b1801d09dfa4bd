"""The durations of one stage of a frame: a histogram in fixed memory, and what a document tells of it."""

from typing import Any

from hdrh.histogram import HdrHistogram

from app.measure.record.histogram_blocks import HistogramBlocks
from app.measure.record.recorded_buckets import RecordedBuckets

# Histograms count in units of 100 ns, up to a minute, with three significant digits.
_UNIT_NS = 100
_MOST_UNITS = 60 * 1_000_000_000 // _UNIT_NS
_DIGITS = 3

PERCENTILES = (("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p999", 99.9))


class Stage:
    """Counts durations, in nanoseconds. Longer ones than a minute count as a minute.

    A stage that begins with a change in the guest is known only within a band, because the change happened somewhere
    between two polls: see :meth:`record_band`.
    """

    def __init__(self) -> None:
        self._values = _histogram()
        # Made for the first band. Most stages have none.
        self._low: HdrHistogram | None = None
        self._high: HdrHistogram | None = None
        self._blocks = HistogramBlocks()

    @property
    def count(self) -> int:
        return int(self._values.get_total_count())

    def record(self, now_ns: int, ns: int) -> None:
        """Count a duration of ``ns`` that ended at ``now_ns``."""
        self._values.record_value(_units(ns))
        self._blocks.record(now_ns, ns)

    def record_band(self, now_ns: int, low_ns: int, high_ns: int) -> None:
        """Count a duration between these two. The middle is counted as the estimate."""
        if self._low is None or self._high is None:
            self._low, self._high = _histogram(), _histogram()
        self._low.record_value(_units(low_ns))
        self._high.record_value(_units(high_ns))
        self.record(now_ns, (low_ns + high_ns) // 2)

    def percentile_ns(self, percentile: float) -> int | None:
        """None if nothing was recorded."""
        return RecordedBuckets(self._values).upper_end(percentile) * _UNIT_NS if self.count else None

    def document(self) -> dict[str, Any]:
        """``count``, the percentiles and the maximum in microseconds, each with the band in which the true one lies.

        Every true duration lies in its own band, so a percentile of the true ones lies between the same percentile of
        the lower ends and of the upper ends. ``histogram`` has [upper end in microseconds, count] of each bucket,
        ``blocks`` the same for each stretch of ``block_s`` seconds (:mod:`app.measure.record.histogram_blocks`).
        """
        empty = not self.count
        values = RecordedBuckets(self._values)
        low = values if self._low is None else RecordedBuckets(self._low)
        high = values if self._high is None else RecordedBuckets(self._high)
        document: dict[str, Any] = {"count": self.count}
        for name, percentile in (*PERCENTILES, ("max", 100.0)):
            document[f"{name}_us"] = None if empty else _us(values.upper_end(percentile))
            document[f"{name}_low_us"] = None if empty else _us(low.lower_end(percentile))
            # Durations are rounded down to units.
            document[f"{name}_high_us"] = None if empty else _us(high.upper_end(percentile) + 1)
        document["histogram"] = [[_us(end), count] for end, count in values.ends_and_counts()]
        document["blocks"] = self._blocks.document()
        document["block_s"] = self._blocks.length_ns / 1e9
        return document


def _histogram() -> HdrHistogram:
    return HdrHistogram(1, _MOST_UNITS, _DIGITS)


def _units(ns: int) -> int:
    return min(max(0, ns) // _UNIT_NS, _MOST_UNITS)


def _us(units: int) -> float:
    return round(units * _UNIT_NS / 1000, 1)
