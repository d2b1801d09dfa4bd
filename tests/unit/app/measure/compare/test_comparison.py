"""The document of a comparison."""

import json

import pytest

from app.errors import MdevviewError
from app.measure.compare.comparison import comparison_document
from app.measure.compare.fail_condition import parse_condition
from tests.unit.app.measure.run_documents import latencies, run_of, stage_document

_A = stage_document(latencies(1))
_SLOWER = stage_document([each + 4 for each in latencies(2)])
_FAST = stage_document([0.1] * 600)


def test_each_run_is_compared_with_the_first() -> None:
    a = run_of({"flip_to_submit": _A, "query": _FAST})
    b = run_of({"query": _FAST, "flip_to_submit": _SLOWER, "gpu": _FAST}, "b.json", meta_driver="gvt", cpu_percent=25)
    c = run_of({"flip_to_submit": _A}, "c.json")
    document = json.loads(json.dumps(comparison_document([a, b, c], [parse_condition("p99>+10%")]), allow_nan=False))
    assert (document["version"], document["kind"], document["confidence"]) == (1, "compare", 0.95)
    assert [(each["name"], each["file"]) for each in document["runs"]] == [
        ("A", "a.json"),
        ("B", "b.json"),
        ("C", "c.json"),
    ]
    first, second = document["comparisons"]
    assert (first["a"], first["b"], second["a"], second["b"]) == ("A", "B", "A", "C")
    assert [each["key"] for each in first["conditions"]] == ["driver"]
    assert (first["only_in_a"], first["only_in_b"], second["only_in_a"]) == ([], ["gpu"], ["query"])
    assert first["counters"]["cpu_percent"] == {"a": 12.5, "b": 25}
    figure = first["stages"]["flip_to_submit"]["figures"]["p99"]
    assert figure["verdict"] == "real"
    assert figure["low_us"] < figure["difference_us"] < figure["high_us"]
    assert 0 < figure["change_low_percent"] < figure["change_percent"] < figure["change_high_percent"]
    assert figure["text"] == f"B's p99 is {figure['effect']}"
    assert second["stages"]["flip_to_submit"]["figures"]["p99"]["verdict"] == "same"
    assert [(each["run"], each["outcome"], each["fails"]) for each in document["checks"]] == [
        ("B", "failed", True),
        ("C", "passed", False),
    ]


def test_a_figure_of_too_few_values_is_null() -> None:
    short = stage_document(latencies(2)[:200])
    document = comparison_document([run_of({"query": _A}), run_of({"query": short})])
    figures = document["comparisons"][0]["stages"]["query"]["figures"]
    assert (figures["p99"]["b_us"], figures["p99"]["difference_us"], figures["p999"]["a_us"]) == (None, None, None)
    assert figures["p99"]["a_us"] is not None
    assert figures["p95"]["b_us"] is not None


def test_an_observed_program_is_compared_in_what_both_runs_have() -> None:
    """QEMU's polls beside mdevview's."""
    own = run_of({"flip_to_submit": _A, "poll_interval": _FAST})
    observed = run_of(
        {"poll_interval": _SLOWER, "flip_to_poll": _SLOWER},
        "qemu.json",
        meta_observed={"pid": 5, "name": "qemu-system-x86", "program": "/usr/bin/qemu", "fd": 20},
    )
    document = comparison_document([own, observed])
    [comparison] = document["comparisons"]
    assert list(comparison["stages"]) == ["poll_interval"]
    assert comparison["stages"]["poll_interval"]["figures"]["p50"]["verdict"] == "real"
    assert document["runs"][1]["observed"] == "qemu-system-x86"


def test_runs_without_a_common_stage_are_refused() -> None:
    with pytest.raises(MdevviewError, match=r"a\.json and b\.json have no stage in common"):
        comparison_document([run_of({"gpu": _A}), run_of({"query": _A}, "b.json")])


def test_a_run_without_figures_is_refused() -> None:
    with pytest.raises(MdevviewError, match=r"empty\.json: has no figures"):
        comparison_document([run_of({"gpu": _A}), run_of({}, "empty.json")])


def test_the_same_files_give_the_same_document() -> None:
    runs = [run_of({"query": _A}), run_of({"query": _SLOWER})]
    assert comparison_document(runs) == comparison_document(runs)
