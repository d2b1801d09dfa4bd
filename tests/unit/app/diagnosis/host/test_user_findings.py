"""Findings about groups, udev rules and locked memory."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.user_findings import user_findings
from app.host import permissions
from app.host.user_rights import UserRights
from tests.unit.hosts import Host

BOB = UserRights("bob", 1000, frozenset({"bob"}), frozenset(), None)


@pytest.fixture
def closed(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose group 11 belongs to kvm."""
    (host.paths.dev / "vfio/11").touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "11")
    monkeypatch.setattr(permissions, "group_that_may", lambda node: "kvm" if node.name == "11" else None)
    return host


def _findings(rights: UserRights, host: Host, rules: tuple[Path, ...] = ()) -> dict[str, Finding]:
    return {each.key: each for each in user_findings(rights, rules, host.paths)}


def test_a_group_that_is_missing(closed: Host) -> None:
    finding = _findings(BOB, closed)["groups"]
    assert finding.severity is Severity.WARNING
    assert finding.remedy == "sudo usermod -aG kvm $USER, then log in again"
    assert finding.evidence == "yours: bob; closed nodes want: kvm"


def test_a_group_that_this_login_does_not_know_yet(closed: Host) -> None:
    finding = _findings(replace(BOB, listed_groups=frozenset({"kvm"})), closed)["groups"]
    assert finding.severity is Severity.WARNING
    assert "log in again" in finding.remedy and "usermod" not in finding.remedy


def test_nothing_is_closed(host: Host) -> None:
    (host.paths.dev / "vfio/11").touch()
    found = _findings(BOB, host)
    assert found["groups"].severity is Severity.OK
    assert found["udev-rule"].severity is Severity.INFO


def test_a_udev_rule(closed: Host) -> None:
    missing = _findings(BOB, closed)["udev-rule"]
    assert missing.severity is Severity.WARNING
    assert 'SUBSYSTEM=="vfio-dev", GROUP="kvm"' in missing.remedy and "udevadm trigger" in missing.remedy
    there = _findings(BOB, closed, (Path("/etc/udev/rules.d/70-vfio.rules"),))["udev-rule"]
    assert (there.severity, there.evidence) == (Severity.OK, "/etc/udev/rules.d/70-vfio.rules")


def test_locked_memory(host: Host) -> None:
    for limit, severity in ((None, Severity.OK), (8 << 30, Severity.OK), (8 << 20, Severity.INFO)):
        finding = _findings(replace(BOB, locked_memory=limit), host)["memlock"]
        assert finding.severity is severity
    assert "8 MiB" in finding.evidence and "memlock unlimited" in finding.remedy
