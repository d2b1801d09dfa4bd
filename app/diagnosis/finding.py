"""A finding: the result of one check, its evidence, and the remedy."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """After an ``ERROR`` the program cannot do its job. After a ``WARNING`` it can do less."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """``key`` names the subject and keeps its meaning. ``evidence`` is what was seen, in the system's own words.

    ``evidence`` and ``remedy`` may be empty.
    """

    key: str
    severity: Severity
    message: str
    evidence: str = ""
    remedy: str = ""
