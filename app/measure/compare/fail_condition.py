"""The conditions of ``compare --fail-if``, such as ``p99>+10%`` and ``query.p50>+200us``."""

import re
from dataclasses import dataclass

from app.text.clean import clean

DEFAULT_STAGE = "flip_to_submit"

FIGURES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99.9": "p999", "p999": "p999", "max": "max"}
"""The figures by the names that a user may type, and their names in documents."""

_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}
_GREATEST_US = 1e12
_EXAMPLE = "such as p99>+10% or query.p50>+200us"


@dataclass(frozen=True, slots=True)
class FailCondition:
    """Fails if a figure changes from the first run to another by more than the limit (by less unless ``above``).

    ``limit`` is a share (0.1 for 10 %) if ``relative``, else microseconds. ``text`` is what the user typed.
    """

    text: str
    stage: str
    figure: str
    above: bool
    limit: float
    relative: bool


def parse_condition(text: str) -> FailCondition:
    """Raises ValueError, whose text tells which part is wrong."""
    shown = clean(text, 60)
    compact = text.replace(" ", "")
    match = re.fullmatch(r"([^<>]*)([<>])([^<>]*)", compact)
    if match is None:
        raise ValueError(f"{shown!r} needs one > or <, {_EXAMPLE}")
    left, operator, right = match.groups()
    stage, figure = _figure(left, shown)
    limit, relative = _limit(right, shown)
    return FailCondition(shown, stage, figure, operator == ">", limit, relative)


def _figure(text: str, shown: str) -> tuple[str, str]:
    if text in FIGURES:
        return DEFAULT_STAGE, FIGURES[text]
    # A stage has no dot in its name, but p99.9 has.
    stage, dot, name = text.partition(".")
    if not dot or name not in FIGURES:
        wrong = clean(name if dot else text, 20)
        raise ValueError(f"{shown!r}: {wrong!r} is none of p50, p90, p95, p99, p99.9 and max")
    if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", stage) is None:
        raise ValueError(f"{shown!r}: {clean(stage, 40)!r} is no name of a stage, such as {DEFAULT_STAGE}")
    return stage, FIGURES[name]


def _limit(text: str, shown: str) -> tuple[float, bool]:
    if not text.startswith(("+", "-")):
        raise ValueError(f"{shown!r}: the limit of a change begins with + or -, {_EXAMPLE}")
    match = re.fullmatch(r"([+-][0-9]{1,12}(?:\.[0-9]{1,12})?)(.*)", text, re.ASCII | re.DOTALL)
    if match is None:
        raise ValueError(f"{shown!r}: {clean(text, 20)!r} is no number, {_EXAMPLE}")
    number, unit = float(match[1]), match[2]
    if unit == "%":
        if number < -100:
            raise ValueError(f"{shown!r}: nothing becomes less by more than 100 %")
        return number / 100, True
    if unit not in _MICROSECONDS:
        wrong = f"{clean(unit, 20)!r} is no unit" if unit else "the limit has no unit"
        raise ValueError(f"{shown!r}: {wrong}; the units are %, us, ms and s")
    limit = number * _MICROSECONDS[unit]
    if abs(limit) > _GREATEST_US:
        raise ValueError(f"{shown!r}: the limit is out of range")
    return limit, False
