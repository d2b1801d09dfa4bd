"""Compares runs with the first of them: a document for programs, from which the text for people is made too."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import MdevviewError
from app.measure.compare.bootstrap import CONFIDENCE, values_needed
from app.measure.compare.difference import Difference, Interval, StageSample, difference
from app.measure.compare.difference_text import check_text, effect_text, sentence
from app.measure.compare.fail_check import check
from app.measure.compare.fail_condition import FailCondition
from app.measure.compare.run_conditions import differing_conditions, own_warnings
from app.measure.compare.run_file import COUNTERS, PERCENTILES, Run, StageFigures

_VERSION = 1
MOST_RUNS = 26

# The stages that a user wants to know first. Others follow by name.
_ORDER = (
    "true_flip_to_submit",
    "flip_to_submit",
    "flip_to_present",
    "input_to_submit",
    "input_to_change",
    "input_to_acknowledge",
    "change_to_submit",
    "flip_to_poll",
    "poll_interval",
    "query",
    "fetch",
    "import",
    "submit",
    "gpu",
    "present",
    "jitter",
    "look",
)

Document = dict[str, Any]


def run_names(count: int) -> list[str]:
    """A, B, C, ... for this number of runs, at most :data:`MOST_RUNS`."""
    return [chr(ord("A") + number) for number in range(count)]


def ordered(stages: Sequence[str]) -> list[str]:
    return sorted(stages, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))


def comparison_document(runs: Sequence[Run], conditions: Sequence[FailCondition] = ()) -> Document:
    """Each run after the first is compared with the first.

    Raises MdevviewError if a run has no stages, or none that the first one has too.
    """
    for run in runs:
        if not run.stages:
            raise MdevviewError(f"{run.file}: has no figures, as no frame was measured", "measure for a longer time")
    names = run_names(len(runs))
    # Every run has random numbers of its own; the stages of a run are independent comparisons.
    samples = [
        {stage: StageSample(figures, seed) for stage, figures in run.stages.items()} for seed, run in enumerate(runs)
    ]
    comparisons, checks = [], []
    for number in range(1, len(runs)):
        pair = (names[0], names[number])
        both = [stage for stage in ordered(list(samples[0])) if stage in samples[number]]
        if not both:
            raise MdevviewError(
                f"{runs[0].file} and {runs[number].file} have no stage in common, so nothing can be compared",
                "measure both with the same options",
            )
        found = {stage: _differences(samples[0][stage], samples[number][stage]) for stage in both}
        comparisons.append(_comparison(runs[0], runs[number], pair, found))
        for condition in conditions:
            one = found.get(condition.stage, {}).get(condition.figure)
            result = check(condition, one)
            checks.append(
                {
                    "condition": condition.text,
                    "run": pair[1],
                    "outcome": result.outcome.value,
                    "fails": result.fails,
                    "text": check_text(result, one, pair),
                }
            )
    return {
        "version": _VERSION,
        "kind": "compare",
        "confidence": CONFIDENCE,
        "runs": [_run(name, run) for name, run in zip(names, runs, strict=True)],
        "comparisons": comparisons,
        "checks": checks,
    }


def _run(name: str, run: Run) -> Document:
    return {
        "name": name,
        "file": run.file,
        "target": run.target,
        "started": run.meta.get("started"),
        "observed": run.meta.get("observed.name"),
        "duration_s": run.duration_s,
        "complete": run.complete,
        "warnings": own_warnings(run),
    }


def _differences(a: StageSample, b: StageSample) -> dict[str, Difference]:
    shared = [name for name in (*PERCENTILES, "max") if name in a.stage.figures and name in b.stage.figures]
    return {name: difference(name, a, b) for name in shared}


def _comparison(
    a: Run, b: Run, names: tuple[str, str], differences: Mapping[str, Mapping[str, Difference]]
) -> Document:
    return {
        "a": names[0],
        "b": names[1],
        "conditions": [
            {"key": each.key, "label": each.label, "a": each.a, "b": each.b, "decisive": each.decisive}
            for each in differing_conditions(a, b)
        ],
        "stages": {
            stage: {
                "a_count": a.stages[stage].count,
                "b_count": b.stages[stage].count,
                "figures": {
                    name: _figure(stage, each, names, (a.stages[stage], b.stages[stage]))
                    for name, each in figures.items()
                },
            }
            for stage, figures in differences.items()
        },
        "only_in_a": [stage for stage in ordered(list(a.stages)) if stage not in b.stages],
        "only_in_b": [stage for stage in ordered(list(b.stages)) if stage not in a.stages],
        "counters": {
            key: {"a": a.counters.get(key), "b": b.counters.get(key)}
            for key in COUNTERS
            if key in a.counters or key in b.counters
        },
    }


def _figure(
    stage: str, found: Difference, names: tuple[str, str], stages: tuple[StageFigures, StageFigures]
) -> Document:
    """A figure of too few values means nothing, and is null."""
    enough = [found.name == "max" or each.count >= values_needed(PERCENTILES[found.name]) for each in stages]
    return {
        "a_us": found.a.value if enough[0] else None,
        "b_us": found.b.value if enough[1] else None,
        "difference_us": round(found.value, 3) if all(enough) else None,
        **_interval(found.interval, "_us", 1),
        "change_percent": round(100 * found.change, 2) if all(enough) and found.change is not None else None,
        **{f"change_{key}": value for key, value in _interval(found.change_interval, "_percent", 100).items()},
        "error_us": round(found.error, 3),
        "verdict": found.verdict.value,
        "effect": effect_text(stage, found, names),
        "text": sentence(stage, found, names),
    }


def _interval(interval: Interval | None, suffix: str, factor: int) -> Document:
    low, high = (None, None) if interval is None else (interval.low * factor, interval.high * factor)
    return {
        f"low{suffix}": None if low is None else round(low, 3),
        f"high{suffix}": None if high is None else round(high, 3),
    }
