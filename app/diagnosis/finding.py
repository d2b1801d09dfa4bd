"""A finding: one thing that was looked at, what it means, and what to do about it."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """An ``ERROR`` keeps the program from doing its job. With a ``WARNING`` it can do less."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """``key`` names the subject and keeps its meaning. ``evidence`` is what was seen, in the system's own words.

    ``evidence`` and ``remedy`` are empty where there is none.
    """

    key: str
    severity: Severity
    message: str
    evidence: str = ""
    remedy: str = ""
