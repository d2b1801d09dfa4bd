"""A finding: one thing that was looked at, what it means, what to do about it."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """``ERROR`` is what keeps the program from doing its job, ``WARNING`` what makes it do less."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """``key`` names the subject and keeps its meaning; ``evidence`` is what was seen, as the system words it."""

    key: str
    severity: Severity
    message: str
    evidence: str = ""
    remedy: str = ""
