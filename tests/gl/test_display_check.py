"""Checks of displays in processes of their own: doctor goes on although a driver crashes or hangs."""

import sys

import pytest

from app.diagnosis.finding import Finding, Severity
from app.host.child_checks import CheckEnd, ChildChecks
from gl import display_check
from gl.diagnosis import node_findings
from gl.display_check import display_findings, start_display_checks


def test_the_display_is_examined_in_another_process() -> None:
    with ChildChecks() as checks:
        start_display_checks(checks, ["/dev/dri/renderD999"], [])
        found = display_findings(checks.finish(120))
    by_key = {each.key: each for each in found}
    assert by_key["egl"].severity in (Severity.OK, Severity.WARNING)
    assert by_key["dmabuf-import"].message.startswith("EGL ")
    node = by_key["egl-node"]
    assert (node.severity, node.message) == (Severity.INFO, "/dev/dri/renderD999: EGL cannot draw on it")
    assert "renderD999" in node.evidence


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import os; os.abort()", "it was ended by SIGABRT"),
        ("import time; time.sleep(600)", "it did not end within 1 s"),
        ("print('[{}]')", "its answer is invalid"),
        ("print('[1')", "its answer is invalid"),
        ("pass", "its answer is invalid"),
    ],
)
def test_a_driver_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch, code: str, fault: str) -> None:
    monkeypatch.setattr(display_check, "_COMMAND", (sys.executable, "-c", code))
    with ChildChecks() as checks:
        start_display_checks(checks, ["/dev/dri/renderD128"], [])
        own, node = display_findings(checks.finish(1.0 if "sleep" in code else 60))
    assert (own.key, own.severity) == ("egl", Severity.ERROR)
    assert (node.key, node.severity) == ("egl-node", Severity.WARNING)
    assert "/dev/dri/renderD128" in node.message
    assert fault in own.evidence and fault in node.evidence


def test_other_checks_are_ignored() -> None:
    assert display_findings({"qt": CheckEnd(b"{}")}) == []


@pytest.mark.usefixtures("own_context")
def test_a_node_without_a_display_is_no_problem() -> None:
    (finding,) = node_findings("/dev/dri/renderD999")
    assert isinstance(finding, Finding) and finding.severity is Severity.INFO
