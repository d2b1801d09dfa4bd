"""Differences and checks in plain words."""

import math

from app.measure.compare.bootstrap import CONFIDENCE
from app.measure.compare.difference import Difference, Interval, Verdict
from app.measure.compare.fail_check import Check, Outcome
from app.measure.compare.fail_condition import FailCondition

FIGURE_NAMES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9", "max": "max"}

_MOST_DECIMALS = 3
# These begin with an event: a greater one ends later. The others are durations and intervals.
_FROM_EVENT = ("flip_to_", "true_flip_to_", "change_to_", "input_to_")


def effect_text(stage: str, difference: Difference, names: tuple[str, str]) -> str:
    """What is known of the difference, without its subject: ``2.1 to 2.9 ms later: a real difference``.

    ``names`` are those of the two runs.
    """
    interval = difference.interval
    if difference.verdict is Verdict.SAME:
        return "no difference"
    if difference.verdict is Verdict.SINGLE:
        return "one value each, which has no interval"
    if interval is None:
        reason = difference.doubt.reason if difference.doubt is not None else "no interval is known"
        return f"NA: {_who(difference.doubt_of, names)}{reason}"
    if difference.verdict is Verdict.CHANCE:
        return f"no difference beyond chance ({_range(interval)})"
    if difference.verdict is Verdict.MEASURING_ERROR:
        return f"within the measuring error ({_range(interval)})"
    greater, less = ("later", "earlier") if stage.startswith(_FROM_EVENT) else ("longer", "shorter")
    if interval.low > 0:
        return f"{_range(interval)} {greater}: a real difference"
    return f"{_range(Interval(-interval.high, -interval.low))} {less}: a real difference"


def sentence(stage: str, difference: Difference, names: tuple[str, str]) -> str:
    """The effect with its subject: ``B's p99 is 2.1 to 2.9 ms later: a real difference``."""
    effect = effect_text(stage, difference, names)
    figure = FIGURE_NAMES[difference.name]
    if difference.verdict is Verdict.REAL:
        return f"{names[1]}'s {figure} is {effect}"
    return f"{figure}: {effect}"


def check_text(check: Check, difference: Difference | None, names: tuple[str, str]) -> str:
    """The outcome of a condition for the second of these runs, with the change and its interval."""
    condition = check.condition
    outcome = {
        Outcome.PASSED: "passes",
        Outcome.UNSURE: "passes, but not for sure",
        Outcome.FAILED: "fails",
        Outcome.UNKNOWN: "fails, as this cannot be checked",
    }[check.outcome]
    why = f"{_who(check.reason_of, names)}{check.reason}" if check.reason else _change_text(condition, difference)
    return f"{condition.text}: {names[1]} {outcome}: {why}"


def _who(of: str, names: tuple[str, str]) -> str:
    """The name of the run, followed by a blank; empty if it is of none."""
    return {"a": f"{names[0]} ", "b": f"{names[1]} "}.get(of, "")


def _change_text(condition: FailCondition, difference: Difference | None) -> str:
    """``query p99 +15.0 % (95 % interval +9.2 to +21.3 %)``."""
    if difference is None:
        return "unknown"
    text = f"{condition.stage} {FIGURE_NAMES[condition.figure]} "
    share = difference.change
    if condition.relative and share is not None:
        text += f"{100 * share:+.1f} %"
        interval, factor, unit = difference.change_interval, 100.0, "%"
    else:
        text += _signed_time(difference.value)
        interval, factor, unit = difference.interval, 1e-3, "ms"
    if interval is None:
        return text
    decimals = 1 if unit == "%" else 3
    between = f"{interval.low * factor:+.{decimals}f} to {interval.high * factor:+.{decimals}f} {unit}"
    return f"{text} ({100 * CONFIDENCE:.0f} % interval {between})"


def _signed_time(us: float) -> str:
    return f"{us / 1000:+.3f} ms"


def _range(interval: Interval) -> str:
    """``2.1 to 2.9 ms``: as many decimals as the width of the interval is worth."""
    greatest = max(abs(interval.low), abs(interval.high))
    unit, scale = ("us", 1.0) if greatest < 1000 else ("ms", 1e3) if greatest < 1e6 else ("s", 1e6)
    low, high = interval.low / scale, interval.high / scale
    width = high - low
    # At least eight steps of the last decimal.
    decimals = _MOST_DECIMALS if width <= 0 else min(max(0, math.ceil(-math.log10(width / 7.9))), _MOST_DECIMALS)
    # An interval on one side of zero is not shown as one that begins at zero.
    while decimals < _MOST_DECIMALS and low * high > 0 and 0 in (round(low, decimals), round(high, decimals)):
        decimals += 1
    return f"{_plain(low, decimals)} to {_plain(high, decimals)} {unit}"


def _plain(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text
