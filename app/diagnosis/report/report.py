"""The report of ``mdevview doctor --report``: one text for a bug report, without what is private. Pure."""

from collections.abc import Mapping, Sequence

from app.diagnosis.finding import Finding
from app.diagnosis.report.private_text import PrivateNames, Redaction, left_out_text
from app.text.clean import clean, clean_line

_LONGEST = 600


def report_text(findings: Sequence[Finding], verdict: str, versions: Mapping[str, str], names: PrivateNames) -> str:
    """``findings`` are ranked. No name of ``names`` is in the text as a word, unless the marks have that word."""
    redact = Redaction(names)

    def short(text: str) -> str:
        # Cut afterwards: of a name that is cut, the rest would not be found.
        return clean_line(redact(clean(text)), _LONGEST)

    lines = ["mdevview doctor report", "", redact(verdict), "", "versions:"]
    lines += ["  " + redact(clean_line(f"{name} {version}")) for name, version in versions.items()]
    lines += ["", "findings:"]
    for each in findings:
        lines.append(short(f"[{each.severity.value}] {each.key}: {each.message}"))
        if each.evidence:
            lines.append("    seen: " + short(each.evidence))
        if each.remedy:
            lines.append("    remedy: " + short(each.remedy))
    return "\n".join([*lines, "", f"Left out as private: {left_out_text(redact.left_out)}."])
