"""What `mdevview doctor` prints, and its exit status."""

import argparse
import json
from pathlib import Path

import pytest

from app.diagnosis.finding import Finding, Severity
from tests.unit.app.diagnosis.examination import examine
from tests.unit.hosts import DEVICE_FD, UUID_A, Host
from ui.cli import doctor


@pytest.mark.parametrize(("severity", "status"), [(Severity.WARNING, 0), (Severity.ERROR, 1)])
def test_only_an_error_fails(
    severity: Severity, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = Finding("a-key", severity, "amiss", "seen", "do this")
    monkeypatch.setattr(doctor, "discover", lambda _scan: ())
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
