"""A line of a log, with its age."""

from collections.abc import Callable
from dataclasses import dataclass

from app.text.clean import clean_line


@dataclass(frozen=True, slots=True)
class LogLine:
    """``level`` is that of syslog(3): 3 is an error, 4 a warning. ``ago_s`` is its age in seconds."""

    level: int
    ago_s: float
    text: str


Accept = Callable[[int, str], bool]
"""Whether a line of this level and text is wanted."""


class LogRefused(Exception):
    """A log cannot be read. The text says why, and what would allow it."""


def log_line_text(line: LogLine) -> str:
    """The line as a person reads it, cleaned: ``12 s ago: gvt: vgpu 1: ...``."""
    return f"{age_text(line.ago_s)} ago: {clean_line(line.text, 200)}"


def age_text(seconds: float) -> str:
    """``12 s``, ``3 min``, ``5 h`` or ``2 d``."""
    whole = max(0, int(seconds))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if whole >= length:
            return f"{whole // length} {unit}"
    return f"{whole} s"
