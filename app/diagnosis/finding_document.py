"""Findings as JSON documents. A published key keeps its meaning."""

from collections.abc import Iterable
from typing import Any

from app.diagnosis.finding import Finding
from app.diagnosis.picture_findings import error_finding
from app.errors import MdevviewError

_VERSION = 1


def finding_document(finding: Finding) -> dict[str, Any]:
    """One element of ``findings``. Evidence and remedy are null if there is none."""
    return {
        "key": finding.key,
        "severity": finding.severity.value,
        "message": finding.message,
        "evidence": finding.evidence or None,
        "remedy": finding.remedy or None,
    }


def error_document(error: MdevviewError) -> dict[str, Any]:
    """What ``inspect --json`` prints of a target that cannot be inspected. The command still ends with the error."""
    return {"version": _VERSION, "findings": [finding_document(error_finding(error))]}


def doctor_document(findings: Iterable[Finding]) -> dict[str, Any]:
    """The document of ``mdevview doctor --json``: ``version`` and ``findings``."""
    return {"version": _VERSION, "findings": [finding_document(each) for each in findings]}
