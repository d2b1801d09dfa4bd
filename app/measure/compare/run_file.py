"""Reads the documents that ``measure --json`` writes. They may come from anywhere: each value is checked.

What is not known of a document, because an older or a newer mdevview wrote it or the run was of another program, is
left out. What is there and has a wrong type, or does not agree with the rest, makes the file a broken one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.errors import MdevviewError
from app.text.clean import clean

VERSION = 1

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}

# A run of an hour has some MiB.
_MOST_BYTES = 32 << 20
_MOST_STAGES = 64
# Limits of the work of a comparison. The blocks of a run have at most 3300 different buckets, of which few are used.
_MOST_BLOCKS = 128
_MOST_BUCKETS = 1 << 15
_MOST_BLOCK_BUCKETS = 1 << 12
_MOST_CELLS = 1 << 23
_MOST_META = 200
_GREATEST = 1e15
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

COUNTERS = (
    "flips_seen",
    "flips_superseded",
    "flips_lost",
    "frames_shown",
    "repeats",
    "cursor_moves",
    "inputs_sent",
    "input_misses",
    "inputs_uncertain",
    "polls",
    "queries",
    "fetches",
    "events_lost",
    "poll_rate_hz",
    "cpu_percent",
)
"""The figures of a run that are no durations, in the order in which they are shown."""

Histogram = tuple[tuple[float, int], ...]
"""Pairs of a bucket's upper end in microseconds and its count, ascending."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A percentile or a maximum in microseconds. The true one lies between ``low`` and ``high``."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StageFigures:
    """``figures`` by name: ``p50``, ..., ``max``. ``blocks`` is empty if the document has none."""

    count: int
    figures: Mapping[str, Figure]
    histogram: Histogram
    blocks: tuple[Histogram, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A run document. Texts are printable. The names in ``meta`` have their object before them: ``options.window``."""

    file: str
    target: str | None
    duration_s: float | None
    complete: bool
    meta: Mapping[str, str]
    counters: Mapping[str, float]
    stages: Mapping[str, StageFigures] = field(default_factory=dict)


class _Broken(Exception):
    """What is wrong with the document."""


def read_run(name: str) -> Run:
    """Read a file. Raises MdevviewError, which names the file and what is wrong with it."""
    try:
        with Path(name).open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        raise MdevviewError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    return parse_run(name, data)


def parse_run(name: str, data: bytes) -> Run:
    """The run in the bytes of a file. Raises MdevviewError as :func:`read_run`."""
    try:
        return _run(name, data)
    except _Broken as error:
        raise MdevviewError(f"{name}: {error}", "give files that `mdevview measure --json FILE` wrote") from error


def _run(name: str, data: bytes) -> Run:
    document = _json(data)
    kind, version = document.get("kind"), document.get("version")
    if kind != "measure":
        of = f"of the kind {clean(kind, 40)!r}" if isinstance(kind, str) and kind else "of another program"
        raise _Broken(f"is a document {of}, and no run of `mdevview measure`")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _Broken("has no version")
    if version > VERSION:
        raise _Broken(f"was written by a newer mdevview; this one reads version {VERSION} of such files")
    stages = _object(document.get("stages"), "stages")
    if len(stages) > _MOST_STAGES:
        raise _Broken(f"has more than {_MOST_STAGES} stages")
    figures = {key: stage for key, value in stages.items() if (stage := _stage(value, _stage_name(key))) is not None}
    if sum(len(stage.blocks) * _buckets(stage.blocks) for stage in figures.values()) > _MOST_CELLS:
        raise _Broken("has too many buckets in its blocks")
    return Run(
        file=clean(name, 200),
        target=_text(document.get("target")),
        duration_s=_optional_number(document.get("duration_s"), "duration_s"),
        complete=_flag(document.get("complete", True), "complete"),
        meta=_meta(document.get("meta", {})),
        counters={
            key: _number(document[key], key) for key in COUNTERS if key in document and document[key] is not None
        },
        stages=figures,
    )


def _json(data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise _Broken(f"has more than {_MOST_BYTES >> 20} MiB")
    if data.startswith(b"# mdevview measure csv"):
        raise _Broken("is a CSV file, with the rows but not the figures of a run")
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise _Broken("is no text in UTF-8") from None
    except json.JSONDecodeError as error:
        if not data.strip():
            raise _Broken("is empty") from None
        if _ends_early(error):
            raise _Broken("ends in the middle: it was cut, or is still being written") from None
        raise _Broken(f"is no JSON: {error.msg}, line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _Broken("has too many levels") from None
    except ValueError as error:
        # A number of more digits than Python converts.
        raise _Broken(f"is no JSON: {clean(str(error))}") from None
    return _object(document, "the document")


def _ends_early(error: json.JSONDecodeError) -> bool:
    """Whether more text could make it valid JSON."""
    rest = error.doc[error.pos :].strip()
    cut_word = any(word.startswith(rest) for word in ("true", "false", "null", "-"))
    return not rest or cut_word or error.msg.startswith(("Unterminated string", "Invalid \\uXXXX escape"))


def _refuse_constant(text: str) -> None:
    raise _Broken(f"has the value {text}, which is no number")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Broken(f"{where} is no object")
    return value


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _Broken(f"{where} is neither true nor false")
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Broken(f"{where} is no number")
    if not 0 <= value <= _GREATEST:
        raise _Broken(f"{where} is out of range")
    return float(value)


def _optional_number(value: object, where: str) -> float | None:
    return None if value is None else _number(value, where)


def _count(value: object, where: str) -> int:
    number = _number(value, where)
    if not number.is_integer():
        raise _Broken(f"{where} is no whole number")
    return int(number)


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and value else None


def _shown(value: object) -> str | None:
    """A value of the metadata as text; None for what is unknown or has parts."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value) if abs(value) < 2**64 else None
    return _text(value)


def _meta(value: object) -> dict[str, str]:
    """The metadata with its objects resolved: ``{"options": {"window": true}}`` is ``options.window``."""
    found: dict[str, str] = {}
    for key, each in _object(value, "meta").items():
        parts = {f"{key}.{inner}": one for inner, one in each.items()} if isinstance(each, dict) else {key: each}
        for name, part in parts.items():
            if (text := _shown(part)) is not None:
                found[clean(name, 60)] = text
    if len(found) > _MOST_META:
        raise _Broken(f"meta has more than {_MOST_META} values")
    return found


def _stage_name(text: str) -> str:
    if _STAGE_NAME.fullmatch(text) is None:
        raise _Broken(f"stages has the name {clean(text, 40)!r}, which none can have")
    return f"stages.{text}"


def _stage(value: object, where: str) -> StageFigures | None:
    """None for a stage without values."""
    stage = _object(value, where)
    count = _count(stage.get("count"), f"{where}.count")
    if count == 0:
        return None
    figures = {
        name: _figure(stage, name, where) for name in (*PERCENTILES, "max") if stage.get(f"{name}_us") is not None
    }
    for (name, first), (after, second) in pairwise(figures.items()):
        if second.value < first.value:
            raise _Broken(f"{where}: {after}_us is less than {name}_us")
    histogram = _histogram(stage.get("histogram", []), f"{where}.histogram")
    blocks = _blocks(stage.get("blocks", []), f"{where}.blocks")
    for name, values in (("histogram", [histogram]), ("blocks", blocks)):
        number = sum(each for part in values for _, each in part)
        if any(values) and number != count:
            raise _Broken(f"{where}.{name} has {number} values, but count is {count}")
    return StageFigures(count, figures, histogram, tuple(blocks))


def _figure(stage: Mapping[str, Any], name: str, where: str) -> Figure:
    value = _number(stage[f"{name}_us"], f"{where}.{name}_us")
    low, high = stage.get(f"{name}_low_us"), stage.get(f"{name}_high_us")
    figure = Figure(
        value,
        value if low is None else _number(low, f"{where}.{name}_low_us"),
        value if high is None else _number(high, f"{where}.{name}_high_us"),
    )
    # The estimate may lie outside the band by a bucket of its own histogram.
    if figure.low > figure.high:
        raise _Broken(f"{where}: {name}_low_us is more than {name}_high_us")
    return figure


def _blocks(value: object, where: str) -> list[Histogram]:
    if not isinstance(value, list):
        raise _Broken(f"{where} is no list")
    if len(value) > _MOST_BLOCKS:
        raise _Broken(f"{where} has more than {_MOST_BLOCKS} blocks")
    blocks = [_histogram(each, f"{where}[{number}]") for number, each in enumerate(value)]
    if _buckets(blocks) > _MOST_BLOCK_BUCKETS:
        raise _Broken(f"{where} has more than {_MOST_BLOCK_BUCKETS} different buckets")
    return blocks


def _buckets(blocks: Sequence[Histogram]) -> int:
    """How many different buckets there are."""
    return len({upper for block in blocks for upper, _ in block})


def _histogram(value: object, where: str) -> Histogram:
    if not isinstance(value, list):
        raise _Broken(f"{where} is no list")
    if len(value) > _MOST_BUCKETS:
        raise _Broken(f"{where} has more than {_MOST_BUCKETS} buckets")
    pairs: list[tuple[float, int]] = []
    before = -1.0
    # There may be a million: this is the one place where a function call for each value would take seconds.
    for each in value:
        if not isinstance(each, list) or len(each) != 2:
            raise _Broken(f"{where} has a bucket that is no pair")
        upper, count = each
        if type(upper) not in (int, float) or type(count) is not int:
            raise _Broken(f"{where} has a bucket that is no number and a whole number")
        if not before < upper <= _GREATEST:
            raise _Broken(f"{where} does not ascend")
        if not 0 < count <= _GREATEST:
            raise _Broken(f"{where} has a bucket of {'too many' if count > 0 else 'no'} values")
        before = float(upper)
        pairs.append((before, count))
    return tuple(pairs)
