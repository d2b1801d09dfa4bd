"""A stage's percentiles: right within their band, whatever is recorded, and in fixed memory."""

import tracemalloc

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.measure.record.stage import Stage
from tests.unit.app.measure.records import MS

# A histogram is slow to make, and failing values are small already.
_QUICK = settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
_MINUTE = 60_000_000_000
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


def _exact(values: list[int], share: float) -> float:
    """The value of the nearest rank, in microseconds. hdrhistogram rounds ranks in the same way."""
    ordered = sorted(values)
    rank = max(1, (round(share * 1000) * len(ordered) + 500) // 1000)
    return ordered[rank - 1] / 1000


@_QUICK
@given(st.lists(st.integers(0, _MINUTE), min_size=1, max_size=60))
def test_true_percentile_is_in_the_band_of_each_figure(values: list[int]) -> None:
    stage = Stage()
    for each in values:
        stage.record(0, each)
    document = stage.document()
    assert document["count"] == len(values) == sum(count for _, count in document["histogram"])
    for name, share in _PERCENTILES.items():
        assert document[f"{name}_low_us"] <= _exact(values, share) <= document[f"{name}_high_us"]


@_QUICK
@given(st.lists(st.tuples(st.integers(0, MS * 100), st.integers(0, MS * 30), st.integers(0, 1000)), min_size=1))
def test_percentile_of_what_lies_in_bands_is_in_the_band_of_the_figure(bands: list[tuple[int, int, int]]) -> None:
    """The third number says where in its band the true value is, in thousandths."""
    stage, true = Stage(), []
    for low, width, part in bands:
        stage.record_band(0, low, low + width)
        true.append(low + width * part // 1000)
    document = stage.document()
    for name, share in _PERCENTILES.items():
        assert document[f"{name}_low_us"] <= _exact(true, share) <= document[f"{name}_high_us"]
        assert document[f"{name}_low_us"] <= document[f"{name}_us"] <= document[f"{name}_high_us"]


def test_stage_without_values_has_no_figures() -> None:
    document = Stage().document()
    assert document["count"] == 0
    assert document["p50_us"] is None and document["histogram"] == []


def test_memory_does_not_grow_with_the_number_of_values() -> None:
    stage = Stage()
    for each in range(2_000):
        stage.record_band(each * MS, each * 1000, each * 2000)
    tracemalloc.start()
    try:
        for each in range(2_000, 6_000):
            stage.record_band(2_000 * MS, each * 1000, each * 2000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000


def test_longer_and_negative_durations_are_counted_at_the_ends() -> None:
    stage = Stage()
    stage.record(0, -5)
    stage.record(0, 10 * _MINUTE)
    document = stage.document()
    assert document["count"] == 2
    assert document["histogram"][0][0] == 0
    assert document["max_us"] >= _MINUTE / 1000
