"""One histogram for each stretch of time of a run, in fixed memory.

Frames are not independent: one stall delays several of them. An interval of confidence that is made from single frames
would be too narrow. One that is made from whole stretches of time keeps the frames of a stall together (block
bootstrap: Künsch 1989, "The jackknife and the bootstrap for general stationary observations"). So a run document has
such histograms beside the histogram of the whole run, and ``compare`` resamples them.
"""

from hdrh.histogram import HdrHistogram
from numpy import flatnonzero, frombuffer, uint32

MOST_BLOCKS = 64
"""A run of any length has at most so many. When there would be more, each two neighbours become one."""

FIRST_BLOCK_NS = 250_000_000
"""How long a block is at first: 15 frames at 60 frames per second, so that a stall fits in, and 20 blocks in 5 s."""

_LOWEST_NS = 512
_HIGHEST_NS = 1000 * 1_000_000_000
# A bucket is at most 1/128 of its value wide. A third digit would take eight times the memory.
_DIGITS = 2
_COUNTER_BYTES = 4

Buckets = list[list[float]]
"""Pairs of a bucket's upper limit in microseconds and its count, both ascending and without empty buckets."""


def sparse(histogram: HdrHistogram) -> Buckets:
    """The buckets of a histogram of nanoseconds, which must have counters of four bytes."""
    counts = frombuffer(histogram.counts, uint32)
    upper = histogram.get_highest_equivalent_value
    return [
        [upper(histogram.get_value_from_index(index)) / 1000, int(counts[index])]
        for index in map(int, flatnonzero(counts))
    ]


def bucket_width_us(value_us: float) -> float:
    """How wide the bucket of a value is at most, in microseconds."""
    return max(_LOWEST_NS / 1000, value_us / 128)


class HistogramBlocks:
    """Values of one stage, by the time at which they were recorded.

    Takes at most 0.8 MB (:data:`MOST_BLOCKS` histograms), and makes an object for each block, not for each value. A
    value takes about a microsecond. All calls come from one thread.
    """

    def __init__(self) -> None:
        self._length_ns = FIRST_BLOCK_NS
        self._start_ns: int | None = None
        self._end_ns = 0
        """When the last block ends."""
        self._blocks: list[HdrHistogram] = []

    @property
    def length_ns(self) -> int:
        """How long each block is now."""
        return self._length_ns

    def record(self, now_ns: int, value_ns: int) -> None:
        """Add a value. The time is one of a monotonic clock, and the first one begins the first block.

        A value below 0 counts as 0, one above 1000 s as 1000 s.
        """
        if now_ns >= self._end_ns or self._start_ns is None:
            self._extend(now_ns)
        self._blocks[-1].record_value(min(max(value_ns, 0), _HIGHEST_NS))

    def document(self) -> list[Buckets]:
        """The buckets of each block in the order of time. A block without values is empty."""
        return [sparse(each) for each in self._blocks]

    def _extend(self, now_ns: int) -> None:
        """Add blocks up to the one that this time lies in."""
        if self._start_ns is None:
            self._start_ns = now_ns
        while (now_ns - self._start_ns) // self._length_ns >= MOST_BLOCKS:
            self._halve()
        while len(self._blocks) <= (now_ns - self._start_ns) // self._length_ns:
            self._blocks.append(HdrHistogram(_LOWEST_NS, _HIGHEST_NS, _DIGITS, word_size=_COUNTER_BYTES))
        self._end_ns = self._start_ns + len(self._blocks) * self._length_ns

    def _halve(self) -> None:
        for earlier, later in zip(self._blocks[::2], self._blocks[1::2], strict=False):
            earlier.add(later)
        self._blocks = self._blocks[::2]
        self._length_ns *= 2
