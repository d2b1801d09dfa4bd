"""What the doctor finds on hosts that lack one thing or another."""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

from app.attach.helper_installation import HelperInstallation as Setup
from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host import examine, wrong_gpu
from app.host import permissions
from app.host.modules import Presence, presence
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, close_folder, qemu
from ui.cli import doctor


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def _find(host: Host, key: str) -> Finding:
    (found,) = [each for each in examine(host.paths) if each.key == key]
    return found


def _refuse(monkeypatch: pytest.MonkeyPatch, node: Path) -> None:
    """As for a user who may not open `node`; tests may run as root."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != node)


def test_host_without_anything_is_no_error(host: Host) -> None:
    findings = examine(host.paths)
    assert Severity.ERROR not in {each.severity for each in findings}
    assert {"vfio", "mdev-parent", "vgpu", "udmabuf", "render-node"} <= {each.key for each in findings}


def test_vgpu_that_may_not_be_opened_is_an_error_with_its_remedy(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    assert _find(host, "vgpu").severity is Severity.OK
    node = host.paths.dev / "vfio/11"
    node.chmod(0o600)
    _refuse(monkeypatch, node)
    found = _find(host, "vgpu")
    assert found.severity is Severity.ERROR
    assert "0600" in found.evidence
    assert "udev rule" in found.remedy


def test_closed_folder_of_nodes_is_a_finding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    close_folder(monkeypatch, host.paths.dev / "vfio")
    found = _find(host, "vgpu")
    assert found.severity is Severity.ERROR
    assert "closed to you" in found.remedy
    assert "cannot be opened" in _find(host, "vfio-container").message


def test_vgpu_in_use_is_no_error_whatever_its_node(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/11", 21: DEVICE_FD})
    _refuse(monkeypatch, host.paths.dev / "vfio/11")
    found = _find(host, "vgpu")
    assert (found.severity, found.evidence) == (
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
        (os.getuid(), "0", "1", False, "closed to you"),
        (_OTHER, "0", None, True, "has root's helper attach to it"),
        (_OTHER, "0", None, False, "closed to you"),
        (_OTHER, "80000", "2", False, "attaches to it"),
        (_OTHER, "80000", "3", True, "cannot be attached to here"),
    ],
)
def test_way_to_a_vm_that_runs(
    host: Host, tmp_path: Path, uid: int, capabilities: str, scope: str | None, helper: bool, remedy: str
) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/11", 21: DEVICE_FD})
    _be(host, uid, capabilities, scope)
    (found,) = [each for each in examine(host.paths, _setup(tmp_path, helper)) if each.key == "vgpu"]
    assert remedy in found.remedy


def _be(host: Host, uid: int, capabilities: str, scope: str | None) -> None:
    own = host.paths.proc / "self"
    own.mkdir()
    (own / "status").write_text(f"Name:\tmdevview\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{capabilities}\n")
    if scope is not None:
        yama = host.paths.proc / "sys/kernel/yama"
        yama.mkdir(parents=True)
        (yama / "ptrace_scope").write_text(f"{scope}\n")


def _setup(folder: Path, installed: bool) -> Setup:
    """Root's programs, with root being who runs the test."""
    (folder / "bin").mkdir(exist_ok=True)
    files = (folder / "bin/pkexec", folder / "bin/sudo", folder / "mdevview-getfd", folder / "action.policy")
    for each in files if installed else ():
        each.touch(0o755)
    return Setup(files[2], files[3], (folder / "bin",), os.getuid())


def test_choices_for_attaching_are_explained(host: Host, tmp_path: Path) -> None:
    def findings(setup: Setup) -> dict[str, Finding]:
        return {each.key: each for each in examine(host.paths, setup)}

    _be(host, 1000, "0", "1")
    keys = ("ptrace", "getfd-helper", "pkexec", "sudo")
    missing = findings(_setup(tmp_path, False))
    assert {missing[key].severity for key in keys} == {Severity.INFO}
    assert "only where mdevview started them" in missing["ptrace"].message
    assert "packaging/helper.sh install" in missing["getfd-helper"].remedy
    assert "pkexec" in missing["pkexec"].remedy
    setup = _setup(tmp_path, True)
    there = findings(setup)
    assert {there[key].severity for key in keys[1:]} == {Severity.OK}
    assert "0755" in there["getfd-helper"].evidence
    setup.action.unlink()
    assert "packaging/helper.sh install" in findings(setup)["pkexec"].remedy
    assert not {"root", "cap-sys-ptrace"} & there.keys()


def test_helper_that_others_can_change_is_an_error(host: Host, tmp_path: Path) -> None:
    setup = _setup(tmp_path, True)
    setup.helper.chmod(0o757)
    (found,) = [each for each in examine(host.paths, setup) if each.key == "getfd-helper"]
    assert found.severity is Severity.ERROR
    assert "0757" in found.evidence


@pytest.mark.parametrize(
    ("scope", "severity"), [(None, Severity.OK), ("0", Severity.OK), ("2", Severity.INFO), ("3", Severity.WARNING)]
)
def test_ptrace_rules(host: Host, scope: str | None, severity: Severity) -> None:
    _be(host, 0, "1ffffffffff", scope)
    found = {each.key: each for each in examine(host.paths)}
    assert found["ptrace"].severity is severity
    assert found["root"].severity is Severity.WARNING


def test_vgpu_without_a_node_is_an_error(host: Host) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    (host.paths.dev / "vfio/11").unlink()
    assert _find(host, "vgpu").severity is Severity.ERROR


def test_modules_from_sysfs_and_depmod(host: Host, tmp_path: Path) -> None:
    lists = tmp_path / "modules/1.2.3"
    paths = type(host.paths)(host.paths.sys, host.paths.dev, host.paths.proc, tmp_path / "modules")
    assert presence("vfio", paths, "1.2.3") is Presence.UNKNOWN
    lists.mkdir(parents=True)
    (lists / "modules.builtin").write_text("kernel/drivers/vfio/vfio.ko\n")
    (lists / "modules.dep").write_text("kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/mdev/mdev.ko.xz\n")
    (host.paths.sys / "module/kvm").mkdir(parents=True)
    found = {name: presence(name, paths, "1.2.3") for name in ("vfio", "vfio_pci", "kvm", "mdev")}
    assert found == {
        "vfio": Presence.BUILT_IN,
        "vfio_pci": Presence.AVAILABLE,
        "kvm": Presence.LOADED,
        "mdev": Presence.ABSENT,
    }


def test_drawing_on_another_gpu_than_the_exporter(host: Host) -> None:
    host.mdev(UUID_A, "i915-GVTg_V5_4", 11, parent="pci0000:00/0000:00:02.0")
    for address, node in (("0000:00:02.0", "renderD128"), ("0000:01:00.0", "renderD129")):
        device = host.paths.sys / "devices/pci0000:00" / address
        (device / "drm" / node).mkdir(parents=True)
        for link, target in (
            (host.paths.sys / "bus/pci/devices" / address, device),
            (host.paths.sys / "class/drm" / node, device / "drm" / node),
            (device / "drm" / node / "device", device),
        ):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    assert wrong_gpu("/dev/dri/renderD128", host.paths) is None
    found = wrong_gpu("/dev/dri/renderD129", host.paths)
    assert found is not None
    assert found.remedy.endswith("DRI_PRIME=pci-0000_00_02_0")


@pytest.mark.parametrize(("severity", "status"), [(Severity.WARNING, 0), (Severity.ERROR, 1)])
def test_only_an_error_fails(
    severity: Severity, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [Finding("a-key", severity, "amiss", "seen", "do this")])
    monkeypatch.setattr(doctor, "_graphics", list)
    assert doctor.run(argparse.Namespace(json=True)) == status
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert document["findings"][0] == {
        "key": "a-key",
        "severity": severity.value,
        "message": "amiss",
        "evidence": "seen",
        "remedy": "do this",
    }
    assert doctor.run(argparse.Namespace(json=False)) == status
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first[1:] == " amiss (seen)"
    assert second == "    do this"


def test_names_chosen_by_processes_cannot_write_to_the_terminal(host: Host) -> None:
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "\x1b[2J", ["x"], {20: "/dev/vfio/11", 21: DEVICE_FD})
    lines = list(doctor.text(examine(host.paths), doctor._PLAIN))
    assert any("?[2J 50" in each for each in lines)
    assert not any("\x1b" in each for each in lines)


def test_missing_opengl_library_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gl.context", None)
    (found,) = doctor._graphics()
    assert (found.key, found.severity) == ("egl", Severity.ERROR)
