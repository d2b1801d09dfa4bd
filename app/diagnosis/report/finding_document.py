"""Findings as JSON documents. A published key keeps its meaning."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.picture.picture_findings import error_finding
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


def finding_of_document(document: dict[str, Any]) -> Finding:
    """The finding that :func:`finding_document` wrote. Raises ValueError, KeyError or TypeError for other documents."""
    texts = [document[key] or "" for key in ("key", "message", "evidence", "remedy")]
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("a finding has texts")
    key, message, evidence, remedy = texts
    return Finding(key, Severity(document["severity"]), message, evidence, remedy)


def doctor_document(findings: Iterable[Finding], verdict: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """The document of ``mdevview doctor --json``. ``findings`` are ranked, ``versions`` maps names to versions."""
    return {
        "version": _VERSION,
        "verdict": verdict,
        "findings": [finding_document(each) for each in findings],
        "versions": dict(versions),
    }
