"""How sure a percentile of a run is.

Another run of the same kind would give another figure. How much another one is told by a block bootstrap: blocks of the
run are drawn at random, with replacement, as many as there are. Their sum is a run that might have been, and its
percentile is a replicate. Blocks are drawn, not frames, because neighbouring frames depend on each other
(:mod:`app.measure.record.histogram_blocks`).

Neighbouring blocks may depend on each other too, and there are few of them. So the replicates are spread, each away
from the run's percentile, by a factor from the variance that such a row of blocks has in the long run. It is estimated
with Bartlett's weights (Newey and West 1987), and made larger for being an estimate (Kiefer and Vogelsang 2005, "A new
asymptotic theory for heteroskedasticity-autocorrelation robust tests"). Without the factor, the medians of one of six
pairs of equal runs of ten seconds were called different; with it of at most one of twenty.

The generator has a fixed seed: the same files give the same figures.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.measure.record.histogram_blocks import bucket_width_us

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
REPLICATES = 2000

FEWEST_BLOCKS = 8
"""Blocks with values, without which nothing is told: two seconds."""

FEWEST_TAIL_BLOCKS = 3
"""Blocks that have values at or above a percentile. Of one stall nobody knows how often it happens."""

# Cells of a matrix that is made at once. They bound the memory.
_MOST_CELLS = 2_000_000
# The critical value at 95 % as a polynomial of the share of the lags, for Bartlett's weights.
_CRITICAL = (1.96, 2.9694, 0.4160, -0.5324)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The histograms of the blocks of a stage. ``counts[block, i]`` values are ``upper[i]`` microseconds or less.

    ``upper`` ascends. ``lower`` are the lower ends of the same buckets.
    """

    lower: Floats
    upper: Floats
    counts: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a percentile has no interval. ``by_chance``: another run of the same length may have one."""

    reason: str
    by_chance: bool = False


def blocks_of(histograms: Sequence[Sequence[tuple[float, int]]]) -> Blocks:
    """From pairs of a bucket's upper end and its count, for each block."""
    upper = np.unique(np.array([value for each in histograms for value, _ in each], np.float64))
    counts = np.zeros((len(histograms), len(upper)), np.float32)
    for row, each in zip(counts, histograms, strict=True):
        for value, number in each:
            row[np.searchsorted(upper, value)] += number
    lower = upper - np.array([bucket_width_us(value) for value in upper])
    lower[1:] = np.maximum(lower[1:], upper[:-1])
    return Blocks(np.maximum(lower, 0), upper, counts)


def percentiles(blocks: Blocks, quantiles: Floats) -> Floats:
    """The percentiles of all blocks together in microseconds. The blocks must hold a value."""
    found: Floats = _percentiles(blocks, blocks.counts.sum(axis=0, keepdims=True), quantiles)[0]
    return found


def replicates(blocks: Blocks, quantiles: Floats, seed: int) -> Floats:
    """A row of :data:`REPLICATES` percentiles in microseconds for each quantile. The blocks must hold a value."""
    number = len(blocks.counts)
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), REPLICATES)
    empty = drawn @ blocks.counts.any(axis=1) == 0
    # A draw of empty blocks only has no percentile. The run itself stands for it.
    drawn[empty] = 1
    weights = drawn.astype(np.float32)
    at_once = max(1, _MOST_CELLS // len(blocks.upper))
    parts = [
        _percentiles(blocks, weights[start : start + at_once] @ blocks.counts, quantiles)
        for start in range(0, REPLICATES, at_once)
    ]
    found = percentiles(blocks, quantiles)
    factors = np.array([_spread(blocks, value) for value in found])
    spread: Floats = np.maximum(0, found + factors * (np.concatenate(parts) - found)).T
    return spread


def doubt(blocks: Blocks, quantile: float, value: float) -> Doubt | None:
    """Why nothing can be said of the percentile ``value`` microseconds; None if something can."""
    counts = blocks.counts
    total, needed = int(counts.sum()), values_needed(quantile)
    if total < needed:
        return Doubt(f"has {total} value{'s' if total != 1 else ''}, {needed} are needed")
    with_values = int(counts.any(axis=1).sum())
    if with_values < FEWEST_BLOCKS:
        return Doubt("is too short")
    tail = int(counts[:, blocks.upper >= value].any(axis=1).sum())
    if tail < FEWEST_TAIL_BLOCKS:
        return Doubt(f"is this slow in {'one moment' if tail < 2 else 'two moments'} only", by_chance=True)
    return None


def values_needed(quantile: float) -> int:
    """With fewer values the greatest one may well lie below the true percentile, and no upper limit is known.

    The greatest of n independent values lies below it with the probability ``quantile ** n``.
    """
    return math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(quantile))


def _percentiles(blocks: Blocks, counts: NDArray[np.float32], quantiles: Floats) -> Floats:
    """A row of percentiles for each row of counts, interpolated in the bucket."""
    below = np.cumsum(counts, axis=1, dtype=np.float64)
    # The rank as HdrHistogram counts it.
    ranks = np.maximum(1, np.floor(below[:, -1:] * quantiles + 0.5))
    rows = np.arange(len(counts))
    columns = []
    for rank in ranks.T:
        bucket = (below < rank[:, None]).sum(axis=1)
        inside = counts[rows, bucket]
        share = 1 - (below[rows, bucket] - rank) / inside
        columns.append(blocks.lower[bucket] + share * (blocks.upper[bucket] - blocks.lower[bucket]))
    return np.stack(columns, axis=1)


def _spread(blocks: Blocks, value: float) -> float:
    """By how much an interval is wider than one of independent blocks, for the percentile ``value``."""
    totals = blocks.counts.sum(axis=1, dtype=np.float64)
    above = blocks.counts[:, blocks.upper > value].sum(axis=1, dtype=np.float64)
    # How much each block has above the percentile, beyond its share.
    excess = above - totals * (above.sum() / totals.sum())
    number = len(excess)
    lags = max(1, min(math.isqrt(9 * number // 4), number - 1))
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    alone = float(excess @ excess)
    together = sum(
        weight * float(excess[lag:] @ excess[:-lag]) for lag, weight in enumerate(weights, start=1) if lag < number
    )
    grows = max(1.0, 1 + 2 * together / alone) if alone > 0 else 1.0
    share = (lags + 1) / number
    critical = sum(factor * share**power for power, factor in enumerate(_CRITICAL)) / _CRITICAL[0]
    return math.sqrt(grows * number / max(1, number - 1)) * critical
