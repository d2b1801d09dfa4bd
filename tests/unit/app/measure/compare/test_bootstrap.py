"""Percentiles with intervals. Distributions are simulated with fixed seeds, so that no result depends on luck."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.compare import bootstrap
from app.measure.compare.bootstrap import Blocks, Floats, blocks_of, doubt, percentiles, replicates, values_needed

_BLOCK_FRAMES = 15
_HALF = np.array([0.5])


def _blocks(values_us: Floats, bucket_us: int = 200) -> Blocks:
    """As of a run with 60 frames per second."""
    rounded = np.ceil(values_us / bucket_us) * bucket_us
    parts = rounded.reshape(-1, _BLOCK_FRAMES)
    return blocks_of(
        [list(zip(*map(np.ndarray.tolist, np.unique(part, return_counts=True)), strict=True)) for part in parts]
    )


def _runs(number: int, frames: int, correlation: float) -> Floats:
    """Latencies in microseconds, one run a row. Each frame depends on the one before, as in stalls."""
    noise = np.random.default_rng(7).standard_normal((number, frames))
    state = np.empty_like(noise)
    state[:, 0] = noise[:, 0]
    for frame in range(1, frames):
        state[:, frame] = correlation * state[:, frame - 1] + np.sqrt(1 - correlation**2) * noise[:, frame]
    return 8000 * np.exp(0.3 * state)


def _rate_of_real(runs: Floats, quantile: float, shift_us: float = 0) -> float:
    """The share of the pairs of neighbouring runs whose difference has an interval without zero."""
    quantiles = np.array([quantile])
    found = [replicates(_blocks(each), quantiles, seed)[0] for seed, each in enumerate(runs)]
    shifted = [each + shift_us for each in found[1:]]
    intervals = [np.quantile(b - a, (0.025, 0.975)) for a, b in zip(found, shifted, strict=False)]
    return float(np.mean([low > 0 or high < 0 for low, high in intervals]))


@pytest.fixture(autouse=True)
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "REPLICATES", 200)


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_equal_runs_are_seldom_called_different_though_frames_depend_on_each_other(quantile: float) -> None:
    """5 % is what an interval of 95 % means. A bootstrap of blocks and no more calls 15 % of these pairs different."""
    assert _rate_of_real(_runs(201, 600, 0.9), quantile) <= 0.05


def test_a_true_difference_is_found() -> None:
    assert _rate_of_real(_runs(41, 600, 0.7), 0.5, shift_us=2000) > 0.95


def test_the_interval_is_as_wide_as_the_theory_says() -> None:
    """The median of n independent normal values has the standard deviation 1.2533 / sqrt(n).

    It may be wider, as the program does not know that they are independent.
    """
    values = 10_000 + 1000 * np.random.default_rng(3).standard_normal(3600)
    for number in (900, 3600):
        theory = 1.2533 * 1000 / np.sqrt(number)
        spread = replicates(_blocks(values[:number], bucket_us=20), _HALF, 1)[0].std()
        assert 0.8 * theory < spread < 1.8 * theory


def test_the_same_file_gives_the_same_figures() -> None:
    blocks = _blocks(_runs(1, 300, 0.5)[0])
    assert np.array_equal(replicates(blocks, _HALF, 5), replicates(blocks, _HALF, 5))
    assert not np.array_equal(replicates(blocks, _HALF, 5), replicates(blocks, _HALF, 6))


def test_empty_blocks_are_a_part_of_the_run() -> None:
    """An input that comes once in a second leaves most blocks without a value."""
    blocks = blocks_of([[(1000.0, 1)] if number % 30 == 0 else [] for number in range(60)])
    assert np.allclose(replicates(blocks, _HALF, 1), 1000, rtol=0.01)


@given(st.lists(st.lists(st.integers(1, 10**8), max_size=20), min_size=1, max_size=8).filter(any))
def test_percentiles_of_blocks_are_those_of_all_values(blocks: list[list[int]]) -> None:
    values = np.sort([each for block in blocks for each in block])
    histograms = [sorted({float(each): block.count(each) for each in block}.items()) for block in blocks]
    quantiles = np.array([0.01, 0.5, 0.9, 0.99, 1.0])
    ranks = np.maximum(1, np.floor(len(values) * quantiles + 0.5)).astype(int)
    found, exact = percentiles(blocks_of(histograms), quantiles), values[ranks - 1]
    # Within the bucket below the exact value.
    assert np.all(found <= exact * (1 + 1e-9))
    assert np.all(found >= exact - np.maximum(0.512, exact / 128) - 1e-6)


def test_a_percentile_lies_above_the_bucket_below() -> None:
    blocks = blocks_of([[(1000.0, 1), (1001.0, 2)]])
    assert percentiles(blocks, np.array([2 / 3]))[0] == pytest.approx(1000.5)


def test_what_cannot_be_told() -> None:
    assert (values_needed(0.5), values_needed(0.99), values_needed(0.999)) == (6, 368, 3688)
    steady = [[(1000.0, 14), (3000.0, 1)]] * 40
    assert doubt(blocks_of(steady), 0.9, 1000) is None
    too_few = doubt(blocks_of(steady), 0.999, 3000)
    assert too_few is not None and (too_few.reason, too_few.by_chance) == ("has 600 values, 3688 are needed", False)
    assert doubt(blocks_of([[(1000.0, 100)]] * 7), 0.5, 1000) == bootstrap.Doubt("is too short")
    one_stall = [[(1000.0, 15)]] * 39 + [[(3000.0, 15)]]
    tail = doubt(blocks_of(one_stall), 0.99, 3000)
    assert tail is not None and (tail.reason, tail.by_chance) == ("is this slow in one moment only", True)
    assert doubt(blocks_of(one_stall), 0.5, 1000) is None
