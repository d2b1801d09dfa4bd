"""What `mdevview doctor` prints, and its exit status."""

import argparse
import json
import socket
from pathlib import Path

import pytest

from app.diagnosis.finding import Finding, Severity
from app.host.discovery import discover
from app.host.screens import HostScreens
from tests.unit.app.diagnosis.host.examination import examine
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, qemu
from ui.cli import doctor
from ui.cli.main import main


@pytest.mark.parametrize(("severity", "status"), [(Severity.WARNING, 0), (Severity.ERROR, 1)])
def test_only_an_error_fails(
    severity: Severity, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = Finding("a-key", severity, "amiss", "seen", "do this")
    monkeypatch.setattr(doctor, "find_screens", lambda _scan: HostScreens())
    monkeypatch.setattr(doctor, "host_findings", lambda _vgpus: [finding])
    monkeypatch.setattr(doctor, "start_display_checks", lambda _checks, _nodes, _exporting: None)
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
    assert doctor.run(argparse.Namespace(json=False, report=False)) == status
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first[1:] == " amiss (seen)"
    assert second == "    do this"


def test_names_chosen_by_processes_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "\x1b[2J", ["x"], {20: "/dev/vfio/11", 21: DEVICE_FD})
    lines = list(doctor.lines(examine(host), doctor._ASCII_SYMBOLS))
    assert any("?[2J 50" in each for each in lines)
    assert not any("\x1b" in each for each in lines)


def test_the_verdict_comes_last_and_problems_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fine, bad = Finding("vgpu", Severity.OK, "u can be opened"), Finding("egl", Severity.ERROR, "no EGL")
    monkeypatch.setattr(doctor, "find_screens", lambda _scan: HostScreens())
    monkeypatch.setattr(doctor, "host_findings", lambda _vgpus: [fine])
    monkeypatch.setattr(doctor, "start_display_checks", lambda *_: None)
    monkeypatch.setattr(doctor, "display_findings", lambda _ends: [bad])
    assert doctor.run(argparse.Namespace(json=False, report=False)) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith(" no EGL")
    assert out[-1] == "mdevview cannot show its vGPUs here, because no EGL."
    assert any(line.startswith("versions: mdevview ") for line in out)
    assert doctor.run(argparse.Namespace(json=True, report=False)) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == out[-1]
    assert document["versions"]["mdevview"]


def test_the_report_leaves_out_who_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(tmp_path / "host")
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "qemu-system-x86", qemu("secret-vm"), {20: "/dev/vfio/11", 21: DEVICE_FD})
    vgpus = discover(host.scan())
    monkeypatch.setattr(doctor, "find_screens", lambda _scan: HostScreens(vgpus))
    monkeypatch.setattr(doctor, "host_findings", lambda _vgpus: examine(host))
    monkeypatch.setattr(doctor, "start_display_checks", lambda *_: None)
    monkeypatch.setattr(socket, "gethostname", lambda: "desk-of-bob")
    monkeypatch.setenv("DISPLAY", "desk-of-bob:0")
    assert doctor.run(argparse.Namespace(json=False, report=True)) in (0, 1)
    out = capsys.readouterr().out
    assert "mdevview doctor report" in out and "in use" in out
    for private in (UUID_A, "secret-vm", "desk-of-bob"):
        assert private not in out
    assert "1 UUID" in out.splitlines()[-1] and "1 VM name" in out.splitlines()[-1]


def test_a_report_is_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--report"]) == 2
    assert "not allowed with" in capsys.readouterr().err
