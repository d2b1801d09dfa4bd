"""``measure --observe`` without a target: its files and its errors. The kernel's part is tried in tests/lab."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import PermissionDenied
from app.host.process import Process
from app.tracing.ioctl_events import IoctlEnd, IoctlEvent, IoctlStart
from app.tracing.ioctl_trace import IoctlTrace, TraceBatch
from ui.cli import measure_observe
from ui.cli.main import main

MS = 1_000_000


class FakeTrace:
    """Gives these batches, one at each read."""

    def __init__(self, *batches: TraceBatch) -> None:
        self.batches = [TraceBatch((), 0), *batches]
        self.closed = False

    def read(self, pages: int = 64) -> TraceBatch:
        return self.batches.pop(0) if self.batches else TraceBatch((), 0)

    def __enter__(self) -> "FakeTrace":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-ISc", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate()


def _polls(count: int, fd: int = 9) -> tuple[IoctlEvent, ...]:
    events: list[IoctlEvent] = []
    for number in range(count):
        start = 16 * MS * number
        events += [IoctlStart(start, 1, fd, 0x3B72), IoctlEnd(start + 2000, 1, 0)]
    return tuple(events)


def _use(monkeypatch: pytest.MonkeyPatch, trace: FakeTrace) -> None:
    monkeypatch.setattr(IoctlTrace, "open", lambda _process: trace)
    monkeypatch.setattr(measure_observe, "is_vfio_device", lambda pid, fd: True)


def test_the_document_tells_the_program_and_its_polls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], child: subprocess.Popen[bytes]
) -> None:
    trace, file = FakeTrace(TraceBatch(_polls(10), 0), TraceBatch((), 3)), tmp_path / "run.json"
    _use(monkeypatch, trace)
    assert main(["measure", "--observe", f"pid:{child.pid}", "--duration", "0.2", "--json", str(file)]) == 0
    document: dict[str, Any] = json.loads(file.read_text())
    assert (document["version"], document["kind"], document["target"]) == (1, "measure", None)
    observed = document["meta"]["observed"]
    assert (observed["pid"], observed["fd"]) == (child.pid, 9)
    assert observed["program"] == str(Path(sys.executable).resolve())
    assert document["complete"] and document["events_lost"] == 3
    assert (document["polls"], document["queries"], document["fetches"]) == (10, 10, 0)
    assert document["stages"]["poll_interval"]["p50_us"] == pytest.approx(16_000, rel=0.01)
    out = capsys.readouterr().out
    assert f" {child.pid}" in out and "poll interval" in out and "lost" in out
    assert trace.closed


def test_several_devices_are_listed_each_with_its_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], child: subprocess.Popen[bytes]
) -> None:
    _use(monkeypatch, FakeTrace(TraceBatch((*_polls(3, 9), *_polls(5, 10)), 0)))
    assert main(["measure", "--observe", f"pid:{child.pid},fd=9", "--duration", "0.1", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["polls"] == 3
    assert [(each["fd"], each["polls"]) for each in document["devices"]] == [(10, 5), (9, 3)]


def test_a_program_that_polls_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], child: subprocess.Popen[bytes]
) -> None:
    _use(monkeypatch, FakeTrace())
    assert main(["measure", "--observe", f"pid:{child.pid}", "--duration", "0.1"]) == 1
    assert "polled no vGPU" in capsys.readouterr().err


def test_a_program_that_ends_leaves_a_document_and_status_3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], child: subprocess.Popen[bytes]
) -> None:
    file = tmp_path / "run.json"
    _use(monkeypatch, FakeTrace(TraceBatch(_polls(10), 0)))
    opened = Process.open

    def open_and_end(pid: int) -> Process:
        process = opened(pid)
        child.communicate()
        return process

    monkeypatch.setattr(Process, "open", open_and_end)
    assert main(["measure", "--observe", f"pid:{child.pid}", "--duration", "60", "--json", str(file)]) == 3
    assert "has ended" in capsys.readouterr().err
    document = json.loads(file.read_text())
    assert (document["complete"], document["polls"]) == (False, 10)


def test_missing_rights_are_one_line_and_status_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_process: Process) -> None:
        raise PermissionDenied("no trace", "run this command with sudo")

    monkeypatch.setattr(IoctlTrace, "open", refuse)
    assert main(["measure", "--observe", f"pid:{os.getpid()}"]) == 4
    assert capsys.readouterr().err.splitlines() == ["mdevview: no trace; run this command with sudo"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--observe", "sim:gvt"],
        ["--observe", "pid:1", "--csv", "rows"],
        ["--observe", "pid:1", "--own-json", "own"],
        ["--observe", "pid:1", "--poll", "16"],
        ["--own-json", "own"],
        ["sim:gvt", "--observe", "pid:1", "--json", "-", "--own-json", "-"],
    ],
)
def test_what_cannot_be_is_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", *arguments]) == 2
    assert capsys.readouterr().err
