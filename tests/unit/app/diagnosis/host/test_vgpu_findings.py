"""Findings about vGPUs: free ones, and those that a VM has."""

import os
from pathlib import Path

import pytest

from app.diagnosis.finding import Severity
from app.host import permissions
from tests.unit.app.diagnosis.host.examination import finding_of, set_rights, setup_of
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, close_folder, qemu


def _refuse(monkeypatch: pytest.MonkeyPatch, node: Path) -> None:
    """As for a user who may not open `node`: tests may run as root."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != node)


def test_vgpu_that_may_not_be_opened_is_an_error_with_its_remedy(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    assert finding_of(host, "vgpu").severity is Severity.OK
    node = host.paths.dev / "vfio/11"
    node.chmod(0o600)
    _refuse(monkeypatch, node)
    finding = finding_of(host, "vgpu")
    assert finding.severity is Severity.ERROR
    assert "0600" in finding.evidence
    assert "udev rule" in finding.remedy


def test_closed_folder_of_nodes_is_a_finding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    close_folder(monkeypatch, host.paths.dev / "vfio")
    finding = finding_of(host, "vgpu")
    assert finding.severity is Severity.ERROR
    assert "may not search its folder" in finding.remedy
    assert "cannot be opened" in finding_of(host, "vfio-container").message


def test_vgpu_in_use_is_no_error_whatever_its_node(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/11", 21: DEVICE_FD})
    _refuse(monkeypatch, host.paths.dev / "vfio/11")
    finding = finding_of(host, "vgpu")
    assert (finding.severity, finding.evidence) == (
        Severity.INFO,
        f"qemu-system-x86 50 (VM win10) of {permissions.user_name(os.getuid())}",
    )


_OTHER = os.getuid() + 4000


@pytest.mark.parametrize(
    ("uid", "capabilities", "scope", "helper", "remedy"),
    [
        (os.getuid(), "0", None, True, "attaches to it"),
        (os.getuid(), "0", "0", False, "attaches to it"),
        (os.getuid(), "0", "1", True, "has root's helper attach to it"),
        (os.getuid(), "0", "1", False, "you have no permission to attach to it"),
        (_OTHER, "0", None, True, "has root's helper attach to it"),
        (_OTHER, "0", None, False, "you have no permission to attach to it"),
        (_OTHER, "80000", "2", False, "attaches to it"),
        (_OTHER, "80000", "3", True, "nobody can attach to it here"),
    ],
)
def test_way_to_a_vm_that_runs(
    host: Host, tmp_path: Path, uid: int, capabilities: str, scope: str | None, helper: bool, remedy: str
) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/11", 21: DEVICE_FD})
    set_rights(host, uid, capabilities, scope)
    finding = finding_of(host, "vgpu", setup_of(tmp_path, helper))
    assert remedy in finding.remedy


def test_vgpu_without_a_node_is_an_error(host: Host) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    (host.paths.dev / "vfio/11").unlink()
    assert finding_of(host, "vgpu").severity is Severity.ERROR
