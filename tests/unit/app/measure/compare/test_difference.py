"""Whether two runs differ by more than chance and more than the error of their measurement."""

import pytest

from app.measure.compare.difference import Difference, StageSample, Verdict, difference
from tests.unit.app.measure.run_documents import latencies, run_of, stage_document


def _sample(values_ms: list[float], seed: int = 0, error_ms: float = 0) -> StageSample:
    run = run_of({"submit": stage_document(values_ms, error_ms=error_ms)})
    return StageSample(run.stages["submit"], seed)


def _difference(name: str, a: list[float], b: list[float], error_ms: float = 0) -> Difference:
    return difference(name, _sample(a, 1, error_ms), _sample(b, 2, error_ms))


def test_a_run_does_not_differ_from_itself() -> None:
    found = _difference("p99", latencies(1, 50), latencies(1, 50))
    assert found.verdict is Verdict.SAME
    assert found.interval is not None and (found.interval.low, found.interval.high) == (0, 0)


@pytest.mark.parametrize("name", ["p50", "p90", "p95", "p99"])
def test_runs_of_the_same_kind_differ_by_chance(name: str) -> None:
    assert _difference(name, latencies(1), latencies(2)).verdict is Verdict.CHANCE


@pytest.mark.parametrize("name", ["p50", "p90", "p95", "p99"])
def test_a_true_shift_lies_in_the_interval(name: str) -> None:
    found = _difference(name, latencies(1), [each + 4 for each in latencies(2)])
    assert found.verdict is Verdict.REAL
    assert found.interval is not None and found.interval.low < 4000 < found.interval.high
    assert found.interval.low < found.value < found.interval.high
    share = found.change_interval
    assert share is not None and found.change is not None and 0 < share.low < found.change < share.high


def test_replicates_lie_around_the_figure_of_the_document() -> None:
    sample = _sample(latencies(1))
    for name, figure in sample.stage.figures.items():
        if name in sample.replicates:
            assert sample.replicates[name].mean() == pytest.approx(figure.value, rel=0.02)


def test_the_way_back_is_the_same_difference_with_the_other_sign() -> None:
    slower = [each + 4 for each in latencies(2)]
    there, back = _difference("p50", latencies(1), slower), _difference("p50", slower, latencies(1))
    assert there.interval is not None and back.interval is not None
    assert back.verdict is Verdict.REAL
    assert back.interval.high == pytest.approx(-there.interval.low, rel=0.2)


def test_a_difference_within_the_measuring_error_is_not_real() -> None:
    """With polls every 6 ms each flip is known to 3 ms: a shift of 2 ms may come from when the polls happened to be."""
    slower = [each + 2 for each in latencies(2)]
    assert _difference("p50", latencies(1), slower, error_ms=0.2).verdict is Verdict.REAL
    found = _difference("p50", latencies(1), slower, error_ms=3)
    assert found.verdict is Verdict.MEASURING_ERROR
    assert found.error > 6000
    assert _difference("p50", latencies(1), [each + 9 for each in latencies(2)], error_ms=3).verdict is Verdict.REAL


def test_a_difference_that_the_blocks_cannot_resolve_is_not_real() -> None:
    """All values in one bucket of 1/128: nothing varies, and yet 0.3 % is no finding."""
    assert _difference("p50", [8.0] * 1200, [8.02] * 1200).verdict is not Verdict.REAL
    assert _difference("p50", [8.0] * 1200, [8.4] * 1200).verdict is Verdict.REAL


@pytest.mark.parametrize(("short", "who"), [("a", "a"), ("b", "b")])
def test_of_too_few_values_nothing_is_said(short: str, who: str) -> None:
    runs = {"a": latencies(1), "b": latencies(2)}
    runs[short] = runs[short][:200]
    found = _difference("p99", runs["a"], runs["b"])
    assert (found.verdict, found.interval, found.doubt_of) == (Verdict.UNKNOWN, None, who)
    assert found.doubt is not None and found.doubt.reason == "has 200 values, 368 are needed"


def test_a_tail_of_one_stall_is_not_compared() -> None:
    stalled = [each + (80 if 600 <= number < 612 else 0) for number, each in enumerate(latencies(2, median_ms=2))]
    found = _difference("p99", latencies(1), stalled)
    assert found.verdict is Verdict.UNKNOWN
    assert found.doubt is not None and found.doubt.by_chance


def test_a_maximum_is_a_single_value() -> None:
    found = _difference("max", latencies(1), latencies(2))
    assert (found.verdict, found.interval) == (Verdict.SINGLE, None)


def test_a_document_without_blocks_has_no_intervals() -> None:
    old = stage_document(latencies(2)) | {"blocks": []}
    sample = StageSample(run_of({"submit": old}).stages["submit"], 2)
    found = difference("p50", _sample(latencies(1)), sample)
    assert found.doubt is not None and found.doubt.reason == "has no blocks of time in its file"


def test_a_figure_of_zero_has_no_relative_change() -> None:
    found = difference("p50", _zero(), _sample(latencies(2)))
    assert (found.change, found.verdict) == (None, Verdict.REAL)


def _zero() -> StageSample:
    stage = stage_document([0.0] * 600)
    return StageSample(run_of({"submit": stage | {"p50_us": 0, "p50_low_us": 0, "p50_high_us": 0}}).stages["submit"], 1)
