"""By how much a figure of one run differs from that of another, and whether that is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from app.measure.compare.bootstrap import CONFIDENCE, Blocks, Doubt, Floats, blocks_of, doubt, percentiles, replicates
from app.measure.compare.run_file import PERCENTILES, Figure, StageFigures
from app.measure.record.histogram_blocks import bucket_width_us

_SHORTEST_US = 1e-3
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


class Verdict(StrEnum):
    """What a difference is."""

    SAME = "same"
    """The runs have the same values: it is one run twice."""
    REAL = "real"
    """Zero lies outside the interval."""
    MEASURING_ERROR = "measuring-error"
    """The error of the measurement alone may make such a difference."""
    CHANCE = "chance"
    """Two runs of the same kind may differ that much."""
    SINGLE = "single"
    """A maximum: a single value of each run, which has no interval."""
    UNKNOWN = "unknown"
    """There is no interval, for the reason given."""


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Of the figure ``name`` of a stage, from A to B, in microseconds: positive if B's is greater.

    The true difference lies in ``interval`` with :data:`app.measure.compare.bootstrap.CONFIDENCE`. That includes the
    error of the measurement, which may be ``error`` at most to each side. ``change`` is relative to A's figure, as a
    share, and so is ``change_interval``. ``doubt`` says why there is no interval, ``doubt_of`` which run it is about:
    "a" or "b".
    """

    name: str
    a: Figure
    b: Figure
    verdict: Verdict
    error: float
    interval: Interval | None = None
    change_interval: Interval | None = None
    doubt: Doubt | None = None
    doubt_of: str = ""

    @property
    def value(self) -> float:
        return self.b.value - self.a.value

    @property
    def change(self) -> float | None:
        """None if A's figure is zero."""
        return self.value / self.a.value if self.a.value > 0 else None


class StageSample:
    """The figures of a stage, with replicates of them. These are computed when they are needed, and once."""

    def __init__(self, stage: StageFigures, seed: int) -> None:
        self.stage = stage
        self._seed = seed

    @cached_property
    def _blocks(self) -> Blocks | None:
        return blocks_of(self.stage.blocks) if any(self.stage.blocks) else None

    @cached_property
    def doubts(self) -> Mapping[str, Doubt]:
        """For each percentile without an interval the reason."""
        if self._blocks is None:
            return dict.fromkeys(PERCENTILES, Doubt("has no blocks of time in its file"))
        found = percentiles(self._blocks, np.array(list(PERCENTILES.values())))
        named = zip(PERCENTILES.items(), found, strict=True)
        reasons = {name: doubt(self._blocks, quantile, float(value)) for (name, quantile), value in named}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    @cached_property
    def replicates(self) -> Mapping[str, Floats]:
        """For each percentile with an interval, around the run's own figure: that has finer buckets than the blocks."""
        names = [name for name in PERCENTILES if name not in self.doubts and name in self.stage.figures]
        if self._blocks is None or not names:
            return {}
        quantiles = np.array([PERCENTILES[name] for name in names])
        centre = percentiles(self._blocks, quantiles)
        rows = replicates(self._blocks, quantiles, self._seed)
        return {
            name: np.maximum(0, row + (self.stage.figures[name].value - middle))
            for name, row, middle in zip(names, rows, centre, strict=True)
        }


def difference(name: str, a: StageSample, b: StageSample) -> Difference:
    """Of a figure that both stages have."""
    of_a, of_b = a.stage.figures[name], b.stage.figures[name]
    (down_a, up_a), (down_b, up_b) = _margins(of_a), _margins(of_b)
    error = max(down_b + up_a, up_b + down_a)
    if a.stage == b.stage:
        return Difference(name, of_a, of_b, Verdict.SAME, error, Interval(0, 0), Interval(0, 0))
    if name == "max":
        return Difference(name, of_a, of_b, Verdict.SINGLE, error)
    for who, sample in (("a", a), ("b", b)):
        if name in sample.doubts:
            reason = sample.doubts[name]
            return Difference(name, of_a, of_b, Verdict.UNKNOWN, error, doubt=reason, doubt_of=who)
    runs_a, runs_b = a.replicates[name], b.replicates[name]
    chance = _interval(runs_b - runs_a, runs_b - runs_a)
    interval = Interval(chance.low - down_b - up_a, chance.high + up_b + down_a)
    change = _interval(
        np.maximum(runs_b - down_b, 0) / np.maximum(runs_a + up_a, _SHORTEST_US) - 1,
        (runs_b + up_b) / np.maximum(runs_a - down_a, _SHORTEST_US) - 1,
    )
    return Difference(name, of_a, of_b, _verdict(chance, interval), error, interval, change)


def _margins(figure: Figure) -> tuple[float, float]:
    """How far below and above its estimate a figure may lie, by the error of the measurement.

    The band of the document, and half a bucket of the blocks: their percentiles are no more exact.
    """
    bucket = bucket_width_us(figure.value) / 2
    return max(0.0, figure.value - figure.low) + bucket, max(0.0, figure.high - figure.value) + bucket


def _interval(low: Floats, high: Floats) -> Interval:
    return Interval(float(np.quantile(low, _TAILS[0])), float(np.quantile(high, _TAILS[1])))


def _verdict(chance: Interval, interval: Interval) -> Verdict:
    if interval.low > 0 or interval.high < 0:
        return Verdict.REAL
    return Verdict.MEASURING_ERROR if chance.low > 0 or chance.high < 0 else Verdict.CHANCE
