"""The newest frames of a measurement as columns, for figures and graphs that roll while it runs.

The memory is taken once. What one frame costs is one row that is written over the oldest one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.measure.record.frame_record import FrameRecord, Kind

Column = NDArray[np.float64]

_SECOND = 1_000_000_000
_NEW = (Kind.FLIP, Kind.CHANGE)

_ROW = np.dtype(
    [
        ("submit_ns", np.int64),
        ("is_new", np.bool_),
        ("is_flip", np.bool_),
        ("is_cursor", np.bool_),
        ("latency", np.float64),
        ("unseen", np.float64),
        ("wait", np.float64),
        ("draw", np.float64),
        ("gpu", np.float64),
        ("present", np.float64),
    ]
)


class Columns(NamedTuple):
    """Frames in the order of their submission. Times are nanoseconds, NaN where unknown or where it does not apply.

    ``is_new`` tells which frames show a flip or a change, ``is_flip`` which show a flip, ``is_cursor`` which show
    nothing new but the cursor. Only new ones have a ``latency`` from the middle between the two polls around the flip
    or change to the submission, and its parts: ``unseen`` until the poll that saw it, ``wait`` until drawing began,
    ``draw`` until the picture was submitted. ``present`` is from there to the screen, ``gpu`` what the GPU needed.
    """

    submit_ns: NDArray[np.int64]
    is_new: NDArray[np.bool_]
    is_flip: NDArray[np.bool_]
    is_cursor: NDArray[np.bool_]
    latency: Column
    unseen: Column
    wait: Column
    draw: Column
    gpu: Column
    present: Column

    def frames_per_second(self, now_ns: int) -> int:
        """Frames of the last second that show something new."""
        return int(np.count_nonzero(self.is_new & (self.submit_ns > now_ns - _SECOND)))

    def cursor_moves_per_second(self, now_ns: int) -> int:
        """Frames of the last second that show nothing new but the cursor."""
        return int(np.count_nonzero(self.is_cursor & (self.submit_ns > now_ns - _SECOND)))


class RecentFrames:
    """Keeps the last ``capacity`` frames."""

    def __init__(self, capacity: int = 4096) -> None:
        self._rows = np.zeros(capacity, _ROW)
        self._count = 0

    def add(self, record: FrameRecord) -> None:
        """Keep a record whose values are complete. Records come in the order of their submission."""
        submit = record.submit_ns
        latency = unseen = wait = np.nan
        is_new = record.kind in _NEW
        if is_new and record.seen_ns is not None:
            before = record.previous_poll_ns if record.previous_poll_ns is not None else record.seen_ns
            unseen = (record.seen_ns - before) / 2
            wait = record.begin_ns - record.seen_ns
            latency = unseen + submit - record.seen_ns
        gpu = np.nan if record.gpu_ns is None else record.gpu_ns
        present = np.nan if record.present_ns is None else record.present_ns - submit
        self._rows[self._count % len(self._rows)] = (
            submit,
            is_new,
            record.kind is Kind.FLIP,
            record.kind is Kind.CURSOR,
            latency,
            unseen,
            wait,
            submit - record.begin_ns,
            gpu,
            present,
        )
        self._count += 1

    def __len__(self) -> int:
        """How many frames are kept."""
        return min(self._count, len(self._rows))

    def clear(self) -> None:
        self._count = 0

    def since(self, start_ns: int) -> Columns:
        """A copy of the frames that were submitted at ``start_ns`` or later."""
        size, kept = len(self._rows), len(self)
        rows = self._rows[(np.arange(self._count - kept, self._count)) % size]
        rows = rows[rows["submit_ns"] >= start_ns]
        return Columns(*(rows[name] for name in Columns._fields))


def percentiles(column: Column, *ranks: float) -> tuple[float, ...]:
    """The percentiles of what is known of a column, for ranks from 0 to 100; NaN where nothing is known.

    A percentile is a value that was measured: the smallest one that so many percent of the values do not exceed.
    """
    known = column[~np.isnan(column)]
    if not len(known):
        return (np.nan,) * len(ranks)
    return tuple(float(each) for each in np.percentile(known, ranks, method="inverted_cdf"))


def buckets(
    times_ns: NDArray[np.int64], values: Column, start_ns: int, width_ns: int, count: int
) -> tuple[Column, Column]:
    """The least and the greatest value of each of ``count`` times of ``width_ns``; NaN where there is none.

    Bucket 0 begins at ``start_ns``. Values that are NaN, and those outside of all buckets, are left out.
    """
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    index = (times_ns - start_ns) // width_ns
    used = (index >= 0) & (index < count) & ~np.isnan(values)
    np.minimum.at(low, index[used], values[used])
    np.maximum.at(high, index[used], values[used])
    empty = low > high
    low[empty] = high[empty] = np.nan
    return low, high


def means(times_ns: NDArray[np.int64], values: Column, start_ns: int, width_ns: int, count: int) -> Column:
    """The mean of each bucket of :func:`buckets`; NaN where there is none."""
    index = (times_ns - start_ns) // width_ns
    used = (index >= 0) & (index < count) & ~np.isnan(values)
    counts = np.bincount(index[used], minlength=count)
    sums = np.bincount(index[used], weights=values[used], minlength=count)
    mean = np.full(count, np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean
