"""The texts for bug reports, without what is private: of ``mdevview doctor --report``, and of a window. Pure."""

from collections.abc import Mapping, Sequence

from app.diagnosis.finding import Finding
from app.diagnosis.report.private_text import PrivateNames, Redaction, left_out_text
from app.text.clean import clean, clean_line

_LONGEST = 600


def report_text(findings: Sequence[Finding], verdict: str, versions: Mapping[str, str], names: PrivateNames) -> str:
    """``findings`` are ranked. No name of ``names`` is in the text as a word, unless the marks have that word."""
    redact = Redaction(names)
    return _report(["mdevview doctor report", "", redact(verdict)], findings, versions, redact)


def window_report_text(
    lines: Sequence[str], findings: Sequence[Finding], versions: Mapping[str, str], names: PrivateNames
) -> str:
    """The same of a window: ``lines`` say what it shows."""
    redact = Redaction(names)
    return _report(["Report of a window", "", *(_short(each, redact) for each in lines)], findings, versions, redact)


def _report(head: list[str], findings: Sequence[Finding], versions: Mapping[str, str], redact: Redaction) -> str:
    lines = [*head, "", "versions:"]
    lines += ["  " + redact(clean_line(f"{name} {version}")) for name, version in versions.items()]
    lines += ["", "findings:"]
    for each in findings:
        lines.append(_short(f"[{each.severity.value}] {each.key}: {each.message}", redact))
        if each.evidence:
            lines.append("    seen: " + _short(each.evidence, redact))
        if each.remedy:
            lines.append("    remedy: " + _short(each.remedy, redact))
    return "\n".join([*lines, "", f"Left out as private: {left_out_text(redact.left_out)}."])


def _short(text: str, redact: Redaction) -> str:
    # Cut afterwards: of a name that is cut, the rest would not be found.
    return clean_line(redact(clean(text)), _LONGEST)
