"""Findings about QEMU's D-Bus display: the library, QEMU's module, and VMs with and without it."""

from importlib import metadata
from pathlib import Path

import pytest

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.dbus_findings import dbus_findings
from tests.unit.hosts import Host, qemu


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def modules(root: Path, *names: str, folder: str = "usr/lib/x86_64-linux-gnu/qemu") -> None:
    (root / folder).mkdir(parents=True)
    for each in names:
        (root / folder / each).touch()


def found(host: Host, root: Path, key: str) -> list[Finding]:
    return [each for each in dbus_findings(host.scan(), root) if each.key == key]


def test_a_missing_library_is_said_with_its_package(host: Host, root: Path) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    (finding,) = [each for each in dbus_findings(host.scan(), root, missing) if each.key == "jeepney"]
    assert finding.severity is Severity.WARNING
    assert "python3-jeepney" in finding.remedy
    (there,) = found(host, root, "jeepney")
    assert there.severity is Severity.OK


@pytest.mark.parametrize("folder", ["usr/lib/x86_64-linux-gnu/qemu", "usr/lib64/qemu", "usr/lib/qemu"])
def test_qemus_module_is_found_where_distributions_have_it(host: Host, root: Path, folder: str) -> None:
    modules(root, "ui-dbus.so", "ui-opengl.so", folder=folder)
    (finding,) = found(host, root, "qemu-dbus")
    assert (finding.severity, finding.remedy) == (Severity.OK, "")
    assert folder in finding.evidence


def test_what_qemu_lacks_is_said(host: Host, root: Path) -> None:
    assert found(host, root, "qemu-dbus") == [], "it may be built in"
    modules(root, "ui-gtk.so")
    (finding,) = found(host, root, "qemu-dbus")
    assert (finding.severity, "qemu-system-modules-opengl" in finding.remedy) == (Severity.INFO, True)
    (root / "usr/lib/x86_64-linux-gnu/qemu/ui-dbus.so").touch()
    (finding,) = found(host, root, "qemu-dbus")
    assert finding.severity is Severity.OK
    assert "without OpenGL" in finding.message and "qemu-system-modules-opengl" in finding.remedy


def test_vms_with_and_without_it_are_told_apart_and_the_lacking_option_is_named(host: Host, root: Path) -> None:
    host.process(10, "qemu-system-x86", qemu("seen", "-display", "dbus,addr=unix:path=/run/x,gl=on"))
    host.process(11, "qemu-system-x86", qemu("closed", "-display", "dbus,p2p=yes"))
    host.process(12, "qemu-system-x86", qemu("plain", "-display", "gtk"))
    seen, closed, plain = found(host, root, "dbus-display")
    assert (seen.severity, closed.severity, plain.severity) == (Severity.OK, Severity.WARNING, Severity.INFO)
    assert "vm:seen" in seen.remedy and "unix:path=/run/x, gl" in seen.evidence
    assert "-qmp" in closed.remedy
    assert "12" in plain.evidence and "-display dbus,p2p=yes" in plain.remedy


def test_a_host_without_vms_has_no_finding_of_them(host: Host, root: Path) -> None:
    assert found(host, root, "dbus-display") == []
