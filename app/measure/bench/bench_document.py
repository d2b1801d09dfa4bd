"""The results of ``mdevview bench`` as a JSON document and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.measure.bench.bench_cases import BenchCase
from app.measure.bench.bench_timing import Timing

Document = dict[str, Any]

_HEADER = ("CASE", "PICTURE", "TARGET", "MEDIAN", "99 %", "CPU", "COUNT")
_FLOOR_HEADER = ("FLOOR", "RATIO")


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The timing of a case, or the ``error`` (one line) that says why there is none.

    ``note`` is what the timing means on this machine, where the name of the case does not tell it. ``floor_p50_us`` is
    the median of a program in C that does the same.
    """

    case: BenchCase
    timing: Timing | None
    error: str = ""
    floor_p50_us: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median relative to the C program's."""
        if self.timing is None or not self.floor_p50_us:
            return None
        return self.timing.p50_us / self.floor_p50_us


def bench_document(results: Sequence[BenchResult], meta: Document) -> Document:
    """The document for programs. A case that failed has null figures and its ``error``."""
    return {"version": 1, "kind": "bench", "meta": meta, "cases": [_case(each) for each in results]}


def _case(result: BenchResult) -> Document:
    case, timing = result.case, result.timing
    document: Document = {
        "name": case.name,
        "width": case.width,
        "height": case.height,
        "target_width": case.target_width,
        "target_height": case.target_height,
        "p50_us": _rounded(timing.p50_us if timing else None),
        "p99_us": _rounded(timing.p99_us if timing else None),
        "cpu_us": _rounded(timing.cpu_us if timing else None),
        "count": timing.count if timing else 0,
        "error": result.error or None,
    }
    if result.note:
        document["note"] = result.note
    if result.floor_p50_us is not None:
        document |= {"floor_p50_us": _rounded(result.floor_p50_us), "ratio": _rounded(result.ratio)}
    return document


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def bench_lines(results: Sequence[BenchResult]) -> list[str]:
    """A table for people, in microseconds; a case that failed is one line with the reason."""
    floors = any(each.floor_p50_us is not None for each in results)
    rows = [_HEADER + _FLOOR_HEADER * floors]
    rows += [_row(each, floors=floors) for each in results if each.timing is not None]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    lines.append("Times are in microseconds.")
    lines += [f"{_label(each.case)}: {each.note}" for each in results if each.note]
    lines += [f"{_label(each.case)}: not measured: {each.error}" for each in results if each.timing is None]
    return lines


def _row(result: BenchResult, *, floors: bool) -> tuple[str, ...]:
    case, timing = result.case, result.timing
    assert timing is not None
    row = (
        case.name,
        _size(case.width, case.height),
        _size(case.target_width, case.target_height),
        f"{timing.p50_us:.1f}",
        f"{timing.p99_us:.1f}",
        f"{timing.cpu_us:.1f}",
        str(timing.count),
    )
    if not floors:
        return row
    ratio = result.ratio
    floor = "-" if result.floor_p50_us is None else f"{result.floor_p50_us:.1f}"
    return (*row, floor, "-" if ratio is None else f"{ratio:.2f}")


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [
        cell.ljust(width) if index < 3 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _label(case: BenchCase) -> str:
    target = _size(case.target_width, case.target_height)
    return case.name if target == "-" else f"{case.name} into {target}"


def _size(width: int, height: int) -> str:
    return f"{width}x{height}" if width else "-"
