"""Whether a run fails a condition of ``compare --fail-if``.

A program that checks each change of a driver must not fail by chance. So a condition fails only if the whole interval
of the change lies beyond the limit. A limit that the figure passes but not the interval is told as unsure and is no
failure, and neither is one of a tail that came from one stall. A condition that cannot be checked for another reason,
such as a missing stage or a run that is too short, fails: a check that checks nothing must not look like success.

A maximum is a single value without an interval. Its condition is of the two figures as they are.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.measure.compare.bootstrap import Doubt
from app.measure.compare.difference import Difference
from app.measure.compare.fail_condition import FailCondition


class Outcome(StrEnum):
    PASSED = "passed"
    UNSURE = "unsure"
    """The figure is beyond the limit, but perhaps by chance; or chance left nothing to tell."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be checked, which counts as a failure."""


@dataclass(frozen=True, slots=True)
class Check:
    """``reason`` says why the outcome is not known for sure, ``reason_of`` which run it is about: "a" or "b"."""

    condition: FailCondition
    outcome: Outcome
    reason: str = ""
    reason_of: str = ""

    @property
    def fails(self) -> bool:
        return self.outcome in (Outcome.FAILED, Outcome.UNKNOWN)


def check(condition: FailCondition, difference: Difference | None) -> Check:
    """``difference`` is that of the condition's stage and figure; None if the runs do not both have it."""
    if difference is None:
        return Check(condition, Outcome.UNKNOWN, f"the runs do not both have {condition.stage}")
    value = difference.change if condition.relative else difference.value
    if value is None:
        return Check(condition, Outcome.UNKNOWN, "the figure of the first run is 0")
    interval = difference.change_interval if condition.relative else difference.interval
    if interval is None and condition.figure != "max":
        doubt = difference.doubt or Doubt("no interval is known")
        outcome = Outcome.UNSURE if doubt.by_chance else Outcome.UNKNOWN
        return Check(condition, outcome, doubt.reason, difference.doubt_of)
    low, high = (value, value) if interval is None else (interval.low, interval.high)
    if low > condition.limit if condition.above else high < condition.limit:
        return Check(condition, Outcome.FAILED)
    beyond = value > condition.limit if condition.above else value < condition.limit
    return Check(condition, Outcome.UNSURE if beyond else Outcome.PASSED)
