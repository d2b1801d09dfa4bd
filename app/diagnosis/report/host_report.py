"""What doctor found, for a window to show."""

from dataclasses import dataclass

from app.diagnosis.finding import Finding


@dataclass(frozen=True, slots=True)
class HostReport:
    """``findings`` are ranked. ``text`` is what ``mdevview doctor --report`` prints: without what is private."""

    verdict: str
    findings: tuple[Finding, ...]
    text: str
