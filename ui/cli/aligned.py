"""Text in columns for a terminal of 100 columns."""

import textwrap
from collections.abc import Collection, Sequence

from ui.cli.output import printable

WIDTH = 100
_GAP = "  "
_KEY = 12
# What is left for the last column where the others take nearly the whole line.
_LEAST = 24


def wrapped(text: str, first: str, rest: str) -> list[str]:
    """The text in lines of at most 100 characters, after ``first`` and then ``rest``. Nothing is left out."""
    lines = textwrap.wrap(
        printable(text), max(_LEAST, WIDTH - len(rest)), break_long_words=True, break_on_hyphens=False
    ) or [""]
    return [(first if number == 0 else rest) + line for number, line in enumerate(lines)]


def pair(key: str, value: str) -> list[str]:
    """One value. Without a key it belongs to the one before."""
    return wrapped(value, f"{f'{key}:' if key else '':<{_KEY}}", " " * _KEY)


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = (), indent: str = "  ") -> list[str]:
    """The rows in aligned columns. Those in ``right`` are aligned to the right; the last one is wrapped.

    A row that is too long for the line, because others chose its values, stays whole: the terminal wraps it.
    """
    if not rows:
        return []
    cells = [[printable(each) for each in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        places = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        head = indent + _GAP.join(places[:-1]) + (_GAP if places[:-1] else "")
        last = places[-1] if len(places) - 1 in right else row[-1]
        lines += [each.rstrip() for each in wrapped(last, head, " " * len(head))]
    return lines
