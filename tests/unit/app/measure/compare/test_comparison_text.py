"""A comparison for people."""

from app.measure.compare.comparison import comparison_document
from app.measure.compare.comparison_text import comparison_text
from app.measure.compare.fail_condition import parse_condition
from app.measure.compare.run_file import Run
from tests.unit.app.measure.run_documents import latencies, run_of, stage_document

_A = stage_document(latencies(1))
_SLOWER = stage_document([each + 4 for each in latencies(2)])


def _lines(*runs: Run, fail_if: str = "") -> list[str]:
    conditions = [parse_condition(fail_if)] if fail_if else []
    return comparison_text(comparison_document(runs, conditions)).split("\n")


def test_two_runs_fit_into_80_columns() -> None:
    a = run_of({"flip_to_submit": _A, "query": stage_document([0.02] * 99), "fetch": stage_document([1.0])})
    b = run_of(
        {"flip_to_submit": _SLOWER, "query": stage_document(latencies(4, 99, 3000)), "fetch": stage_document([2.0])},
        "b.json",
        meta_driver="gvt",
        meta_renderer="Mesa Intel(R) Iris(R) Xe Graphics (TGL GT2), and a long name for its version",
    )
    lines = _lines(a, b)
    assert max(map(len, lines)) <= 80
    assert lines[0] == "A  a.json (vm:win10, 20 s, 2026-01-02T03:04:05+00:00)"
    assert lines[3] == "warning: another driver: mbochs in A, gvt in B"
    assert any(each.startswith("flip_to_submit: B's p99 is ") and "a real difference" in each for each in lines)
    assert "flip_to_submit in ms, 1200 and 1200 values" in lines
    # One line says that there are too few values. No line repeats it for the higher percentiles.
    fetch = lines[lines.index("fetch in ms, 1 and 1 values") + 1 :][:2]
    assert fetch[0] == "  p50          NA        NA  NA: A has 1 value, 6 are needed"
    assert fetch[1] == "  max       1.001     2.002  one value each, which has no interval"


def test_a_run_and_itself() -> None:
    lines = _lines(run_of({"query": _A}), run_of({"query": _A}))
    assert "no difference: A and B have the same values" in lines
    assert not any("real" in each or "NA:" in each for each in lines)


def test_what_limits_a_run_and_what_differs_is_said_before_the_figures() -> None:
    a = run_of({"query": _A, "gpu": _A}, complete=False, duration_s=3.0)
    b = run_of({"query": _SLOWER}, meta_kernel="6.18.0")
    lines = _lines(a, b)
    table = lines.index("query in ms, 1200 and 1200 values")
    for line in (
        "warning: A was ended early after 3 s",
        "differs: kernel: 6.12.1 in A, 6.18.0 in B",
        "only A has: gpu",
    ):
        assert lines.index(line) < table


def test_three_runs_are_two_tables_and_each_run_is_checked() -> None:
    lines = _lines(
        run_of({"query": _A}), run_of({"query": _SLOWER}), run_of({"query": _SLOWER}), fail_if="query.p50>+10%"
    )
    assert [each.split("  ")[-1] for each in lines if "95 % intervals" in each] == [
        "B compared with A, 95 % intervals",
        "C compared with A, 95 % intervals",
    ]
    assert [each.split(":")[1] for each in lines[-2:]] == [" B fails", " C fails"]
