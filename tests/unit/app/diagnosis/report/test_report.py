"""The text for a bug report."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.report.private_text import PrivateNames
from app.diagnosis.report.report import report_text

SECRET = "Zq7" + "x" * 5
_TEXT = st.lists(st.sampled_from([SECRET, " ", "/", "of ", "(", ")", "VM ", "\n", "é", "]", "["])).map("".join)


def test_the_report_has_all_findings_and_says_what_is_missing() -> None:
    findings = [
        Finding("vgpu", Severity.ERROR, "x cannot be opened", "/dev/vfio/1 bob:bob 0600", "join kvm"),
        Finding("iommu", Severity.OK, "fine"),
    ]
    text = report_text(findings, "mdevview cannot show desk.", {"Linux": "6.12"}, PrivateNames(frozenset({"bob"})))
    assert text.splitlines() == [
        "mdevview doctor report",
        "",
        "mdevview cannot show desk.",
        "",
        "versions:",
        "  Linux 6.12",
        "",
        "findings:",
        "[error] vgpu: x cannot be opened",
        "    seen: /dev/vfio/1 [user name 1]:[user name 1] 0600",
        "    remedy: join kvm",
        "[ok] iommu: fine",
        "",
        "Left out as private: 1 user name.",
    ]


@given(_TEXT, _TEXT, _TEXT, _TEXT, st.sampled_from(["users", "hosts", "vms", "homes", "serials"]))
def test_no_private_name_of_the_facts_is_in_the_report(
    message: str, evidence: str, remedy: str, version: str, kind: str
) -> None:
    names = PrivateNames(**{kind: frozenset({SECRET})})
    finding = Finding("vgpu", Severity.INFO, message, evidence, remedy)
    text = report_text([finding], message, {"Linux": version}, names)
    assert not re.search(rf"(?<![^\W_]){SECRET}(?![^\W_])", text)
