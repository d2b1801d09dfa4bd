"""Times one action again and again: the figures of one case of ``mdevview bench``."""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass

# An empty poll takes a microsecond: without a limit a second of them would be a million numbers.
MOST_SAMPLES = 100_000
# After these each of three buffers was shown once.
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """The figures of ``count`` actions: microseconds of wall-clock time, and of CPU time on average (all threads)."""

    p50_us: float
    p99_us: float
    cpu_us: float
    count: int


def time_action(
    action: Callable[[], object],
    seconds: float,
    clock: Callable[[], int] = time.perf_counter_ns,
    cpu_clock: Callable[[], int] = time.process_time_ns,
) -> Timing:
    """Run ``action`` for ``seconds``, at least once and at most :data:`MOST_SAMPLES` times. Clocks are in nanoseconds.

    The action's own exceptions pass.
    """
    for _ in range(_WARM_UP):
        action()
    samples = array("q", bytes(8 * MOST_SAMPLES))
    count = 0
    cpu = cpu_clock()
    begin = clock()
    end = begin + round(seconds * 1e9)
    while True:
        action()
        after = clock()
        samples[count] = after - begin
        count += 1
        begin = after
        if begin >= end or count == MOST_SAMPLES:
            break
    cpu = cpu_clock() - cpu
    ordered = sorted(samples[:count])
    return Timing(percentile(ordered, 50) / 1e3, percentile(ordered, 99) / 1e3, cpu / 1e3 / count, count)


def percentile(ordered: list[int], rank: int) -> int:
    """The smallest of the ordered samples that ``rank`` per cent of them do not exceed, as in the files of ``measure``.

    Raises IndexError for no samples.
    """
    return ordered[-(-len(ordered) * rank // 100) - 1]
