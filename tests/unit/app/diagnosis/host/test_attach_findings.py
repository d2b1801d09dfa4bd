"""Findings about the ways to attach to a VM."""

from pathlib import Path

import pytest

from app.attach.helper_installation import HelperInstallation as Setup
from app.diagnosis.finding import Finding, Severity
from tests.unit.app.diagnosis.host.examination import examine, finding_of, set_rights, setup_of
from tests.unit.hosts import Host


def test_choices_for_attaching_are_explained(host: Host, tmp_path: Path) -> None:
    def findings(setup: Setup) -> dict[str, Finding]:
        return {each.key: each for each in examine(host, setup)}

    set_rights(host, 1000, "0", "1")
    keys = ("ptrace", "getfd-helper", "pkexec", "sudo")
    missing = findings(setup_of(tmp_path, False))
    assert {missing[key].severity for key in keys} == {Severity.INFO}
    assert "only if mdevview started them" in missing["ptrace"].message
    assert "packaging/helper.sh install" in missing["getfd-helper"].remedy
    assert "pkexec" in missing["pkexec"].remedy
    setup = setup_of(tmp_path, True)
    there = findings(setup)
    assert {there[key].severity for key in keys[1:]} == {Severity.OK}
    assert "0755" in there["getfd-helper"].evidence
    setup.action.unlink()
    assert "packaging/helper.sh install" in findings(setup)["pkexec"].remedy
    assert not {"root", "cap-sys-ptrace"} & there.keys()


def test_helper_that_others_can_change_is_an_error(host: Host, tmp_path: Path) -> None:
    setup = setup_of(tmp_path, True)
    setup.helper.chmod(0o757)
    finding = finding_of(host, "getfd-helper", setup)
    assert finding.severity is Severity.ERROR
    assert "0757" in finding.evidence


@pytest.mark.parametrize(
    ("scope", "severity"), [(None, Severity.OK), ("0", Severity.OK), ("2", Severity.INFO), ("3", Severity.WARNING)]
)
def test_ptrace_rules(host: Host, scope: str | None, severity: Severity) -> None:
    set_rights(host, 0, "1ffffffffff", scope)
    findings = {each.key: each for each in examine(host)}
    assert findings["ptrace"].severity is severity
    assert findings["root"].severity is Severity.WARNING
