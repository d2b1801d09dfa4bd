"""Conditions fail when it is sure, and never by chance."""

import pytest

from app.measure.compare.bootstrap import Doubt
from app.measure.compare.difference import Difference, Interval, Verdict
from app.measure.compare.fail_check import Outcome, check
from app.measure.compare.fail_condition import parse_condition
from app.measure.compare.run_file import Figure

_ZERO, _A, _B = Figure(0, 0, 0), Figure(10_000, 10_000, 10_000), Figure(12_000, 12_000, 12_000)


def _outcome(text: str, low: float, high: float) -> Outcome:
    """For a change of +2 ms, +20 %, with this interval in milliseconds."""
    found = Difference("p99", _A, _B, Verdict.REAL, 0, Interval(low * 1000, high * 1000), Interval(low / 10, high / 10))
    return check(parse_condition(text), found).outcome


@pytest.mark.parametrize("limit", ["+1ms", "+10%"])
def test_it_fails_only_if_the_whole_interval_is_beyond_the_limit(limit: str) -> None:
    assert _outcome(f"p99>{limit}", 1.5, 2.5) is Outcome.FAILED
    assert _outcome(f"p99>{limit}", 0.5, 3.5) is Outcome.UNSURE


@pytest.mark.parametrize("limit", ["+3ms", "+30%"])
def test_a_change_within_the_limit_passes(limit: str) -> None:
    assert _outcome(f"p99>{limit}", 1.5, 2.5) is Outcome.PASSED
    assert _outcome(f"p99>{limit}", 1.5, 9.5) is Outcome.PASSED


def test_an_improvement_can_be_demanded() -> None:
    """It fails where the run is surely not better by 5 %."""
    assert _outcome("p99>-5%", 1.5, 2.5) is Outcome.FAILED
    assert _outcome("p99>-5%", -1.5, 5.5) is Outcome.UNSURE


def test_less_than() -> None:
    assert _outcome("p99<+30%", 1.5, 2.5) is Outcome.FAILED
    assert _outcome("p99<+30%", 1.5, 3.5) is Outcome.UNSURE
    assert _outcome("p99<-10%", 1.5, 2.5) is Outcome.PASSED


def test_what_cannot_be_checked_fails() -> None:
    condition = parse_condition("p99>+10%")
    assert check(condition, None).fails
    few = Difference("p99", _A, _B, Verdict.UNKNOWN, 0, doubt=Doubt("has 9 values"), doubt_of="b")
    found = check(condition, few)
    assert (found.outcome, found.reason, found.reason_of) == (Outcome.UNKNOWN, "has 9 values", "b")
    assert check(condition, few).fails
    zero = Difference("p99", _ZERO, _B, Verdict.REAL, 0, Interval(1, 2), Interval(1, 2))
    assert check(condition, zero).fails


def test_a_tail_of_one_stall_is_chance_and_does_not_fail() -> None:
    stall = Difference("p99", _A, _B, Verdict.UNKNOWN, 0, doubt=Doubt("is slow once", by_chance=True), doubt_of="b")
    found = check(parse_condition("p99>+10%"), stall)
    assert (found.outcome, found.fails) == (Outcome.UNSURE, False)


def test_a_maximum_is_checked_as_it_is() -> None:
    single = Difference("max", _A, _B, Verdict.SINGLE, 0)
    assert check(parse_condition("max>+19%"), single).outcome is Outcome.FAILED
    assert check(parse_condition("max>+21%"), single).outcome is Outcome.PASSED
