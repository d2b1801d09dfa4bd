"""A comparison as text for a person, in 80 columns unless a name is long."""

import textwrap
from collections.abc import Iterator
from typing import Any

from app.measure.compare.difference import Verdict
from app.measure.compare.difference_text import FIGURE_NAMES

_WIDTH = 80
_VALUE_WIDTH = 10
_LABEL_WIDTH = 7
_COUNTER_WIDTH = 18
_HEADLINE_FIGURES = ("p50", "p99")

Document = dict[str, Any]


def comparison_text(document: Document) -> str:
    """The lines for the document of :func:`app.measure.compare.comparison.comparison_document`."""
    lines = [_run_line(each) for each in document["runs"]]
    lines += [line for each in document["runs"] for text in each["warnings"] for line in _warning(each["name"], text)]
    for each in document["comparisons"]:
        lines += ["", *_comparison(each, document["confidence"])]
    if document["checks"]:
        lines += ["", *(each["text"] for each in document["checks"])]
    return "\n".join(lines)


def _run_line(run: Document) -> str:
    duration = f"{run['duration_s']:.3g} s" if run["duration_s"] is not None else None
    observed = f"observed: {run['observed']}" if run["observed"] else None
    facts = ", ".join(each for each in (run["target"], observed, duration, run["started"]) if each)
    return f"{run['name']}  {run['file']}" + (f" ({facts})" if facts else "")


def _warning(name: str, text: str) -> list[str]:
    return textwrap.wrap(f"warning: {name} {text}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _comparison(comparison: Document, confidence: float) -> Iterator[str]:
    a, b = comparison["a"], comparison["b"]
    for condition in comparison["conditions"]:
        yield from _condition(condition, a, b)
    for name, only in ((a, comparison["only_in_a"]), (b, comparison["only_in_b"])):
        if only:
            yield from textwrap.wrap(f"only {name} has: {', '.join(only)}", _WIDTH, subsequent_indent="  ")
    if comparison["conditions"] or comparison["only_in_a"] or comparison["only_in_b"]:
        yield ""
    yield from _headline(comparison)
    yield ""
    title = f"{b} compared with {a}, {100 * confidence:.0f} % intervals"
    yield f"{'':{_LABEL_WIDTH}}{a:>{_VALUE_WIDTH}}{b:>{_VALUE_WIDTH}}  {title}"
    for name, stage in comparison["stages"].items():
        yield from _stage(name, stage)
    if comparison["counters"]:
        yield "counters"
    for name, values in comparison["counters"].items():
        columns = "".join(f"{_counter(values[key]):>{_VALUE_WIDTH}}" for key in ("a", "b"))
        yield f"  {name:<{_COUNTER_WIDTH}}{columns}"


def _condition(condition: Document, a: str, b: str) -> list[str]:
    missing = "not given" if condition["key"].startswith("options.") else "unknown"
    values = f"{condition['a'] or missing} in {a}, {condition['b'] or missing} in {b}"
    if condition["decisive"]:
        text = f"warning: another {condition['label']}: {values}"
    else:
        text = f"differs: {condition['label']}: {values}"
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _headline(comparison: Document) -> Iterator[str]:
    """The main stage in words."""
    figures = [each for stage in comparison["stages"].values() for each in stage["figures"].values()]
    if all(each["verdict"] == Verdict.SAME for each in figures):
        yield f"no difference: {comparison['a']} and {comparison['b']} have the same values"
        return
    name, stage = next(iter(comparison["stages"].items()))
    for figure in _HEADLINE_FIGURES:
        if figure in stage["figures"]:
            yield f"{name}: {stage['figures'][figure]['text']}"


def _stage(name: str, stage: Document) -> Iterator[str]:
    figures = stage["figures"]
    greatest = max((each[key] or 0 for each in figures.values() for key in ("a_us", "b_us")), default=0)
    unit, scale = ("us", 1) if greatest < 1000 else ("ms", 1000)
    counts = f"{stage['a_count']} and {stage['b_count']}"
    yield f"{name} in {unit}, {counts} values"
    for key, figure in figures.items():
        if key in _needless(figures):
            continue
        label = f"  {FIGURE_NAMES[key]:<{_LABEL_WIDTH - 2}}"
        columns = "".join(_value(figure[value], scale) for value in ("a_us", "b_us"))
        yield f"{label}{columns}  {figure['effect']}".rstrip()


def _needless(figures: Document) -> list[str]:
    """Where both runs have too few values for a percentile, nothing needs to be said of the higher ones."""
    unknown = [key for key, each in figures.items() if each["a_us"] is None and each["b_us"] is None]
    return unknown[1:]


def _value(us: float | None, scale: int) -> str:
    text = "NA" if us is None else f"{us / scale:.{1 if scale == 1 else 3}f}"
    return f"{text:>{_VALUE_WIDTH}}"


def _counter(value: float | None) -> str:
    return "NA" if value is None else f"{value:.10g}"
