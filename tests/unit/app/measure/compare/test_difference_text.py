"""Differences in plain words."""

import pytest

from app.measure.compare.bootstrap import Doubt
from app.measure.compare.difference import Difference, Interval, Verdict
from app.measure.compare.difference_text import check_text, effect_text, sentence
from app.measure.compare.fail_check import check
from app.measure.compare.fail_condition import parse_condition
from app.measure.compare.run_file import Figure

_A, _B = Figure(10_000, 10_000, 10_000), Figure(12_500, 12_500, 12_500)
_NAMES = ("A", "B")


def _difference(verdict: Verdict, low: float, high: float, name: str = "p99") -> Difference:
    return Difference(name, _A, _B, verdict, 0, Interval(low, high), Interval(low / 10_000, high / 10_000))


@pytest.mark.parametrize(
    ("stage", "low", "high", "text"),
    [
        ("flip_to_submit", 2100, 2900, "B's p99 is 2.1 to 2.9 ms later: a real difference"),
        ("flip_to_submit", -2900, -2100, "B's p99 is 2.1 to 2.9 ms earlier: a real difference"),
        ("query", 40, 160, "B's p99 is 40 to 160 us longer: a real difference"),
        ("poll_interval", -40_000, -13_000, "B's p99 is 13 to 40 ms shorter: a real difference"),
        ("submit", 2e6, 3e6, "B's p99 is 2.0 to 3.0 s longer: a real difference"),
        ("submit", 5, 26_000, "B's p99 is 0.01 to 26.00 ms longer: a real difference"),
    ],
)
def test_a_real_difference(stage: str, low: float, high: float, text: str) -> None:
    assert sentence(stage, _difference(Verdict.REAL, low, high), _NAMES) == text


@pytest.mark.parametrize(
    ("verdict", "low", "high", "text"),
    [
        (Verdict.SAME, 0, 0, "p99: no difference"),
        (Verdict.CHANCE, -120, 240, "p99: no difference beyond chance (-120 to 240 us)"),
        (Verdict.CHANCE, -20, 1240, "p99: no difference beyond chance (0.0 to 1.2 ms)"),
        (Verdict.MEASURING_ERROR, -400, 1800, "p99: within the measuring error (-0.4 to 1.8 ms)"),
    ],
)
def test_no_real_difference(verdict: Verdict, low: float, high: float, text: str) -> None:
    assert sentence("flip_to_submit", _difference(verdict, low, high), _NAMES) == text


def test_what_is_not_known_has_its_reason() -> None:
    few = Difference("p999", _A, _B, Verdict.UNKNOWN, 0, doubt=Doubt("has 200 values, 3688 are needed"), doubt_of="b")
    assert sentence("query", few, ("A", "C")) == "p99.9: NA: C has 200 values, 3688 are needed"
    single = Difference("max", _A, _B, Verdict.SINGLE, 0)
    assert effect_text("query", single, _NAMES) == "one value each, which has no interval"


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("p99>+10%", "p99>+10%: B fails: flip_to_submit p99 +25.0 % (95 % interval +21.0 to +29.0 %)"),
        ("p99>+1ms", "p99>+1ms: B fails: flip_to_submit p99 +2.500 ms (95 % interval +2.100 to +2.900 ms)"),
        (
            "p99>+22%",
            "p99>+22%: B passes, but not for sure: flip_to_submit p99 +25.0 % (95 % interval +21.0 to +29.0 %)",
        ),
        ("p99>+30%", "p99>+30%: B passes: flip_to_submit p99 +25.0 % (95 % interval +21.0 to +29.0 %)"),
    ],
)
def test_checks(condition: str, text: str) -> None:
    found = _difference(Verdict.REAL, 2100, 2900)
    assert check_text(check(parse_condition(condition), found), found, _NAMES) == text


def test_a_check_names_the_run_that_is_too_short() -> None:
    few = Difference("p99", _A, _B, Verdict.UNKNOWN, 0, doubt=Doubt("has 9 values, 368 are needed"), doubt_of="b")
    text = check_text(check(parse_condition("p99>+10%"), few), few, ("A", "C"))
    assert text == "p99>+10%: C fails, as this cannot be checked: C has 9 values, 368 are needed"


def test_a_check_without_a_difference() -> None:
    missing = check(parse_condition("gpu.p99>+10%"), None)
    expected = "gpu.p99>+10%: B fails, as this cannot be checked: the runs do not both have gpu"
    assert check_text(missing, None, _NAMES) == expected
    single = Difference("max", _A, _B, Verdict.SINGLE, 0)
    checked = check(parse_condition("max>+10%"), single)
    assert check_text(checked, single, _NAMES) == "max>+10%: B fails: flip_to_submit max +25.0 %"
