"""The process that guards the link: the link goes down only while it is there, and it does not outlive its task."""

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.device import link_guard
from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.device.edid_writer import EdidWriter
from app.device.info import RegionInfo
from app.device.link_guard import LinkGuard
from app.edid.make import make_edid
from app.edid.mode import Limits, Mode
from app.sim.profile import open_simulated
from tests.unit.app.device import edid_file
from tests.unit.app.device.edid_file import EdidFile
from tests.unit.qmp_server import until

WANTED = make_edid(Mode(800, 600), Limits(max_size=1024))


@pytest.fixture
def device() -> Iterator[EdidFile]:
    device = EdidFile(edid_file.make_file())
    yield device
    device.close()


def _writer(device: EdidFile, start: Callable[[RegionInfo, EdidRegion], LinkGuard | None]) -> EdidWriter:
    region = find_edid_region(device)
    assert region is not None
    return EdidWriter(device, region, WANTED, start_guard=lambda before: start(region, before))


def _is_up(device: EdidFile) -> bool:
    region = find_edid_region(device)
    assert region is not None
    return read_edid(device, region).link_up is True


def test_the_link_goes_down_only_after_the_guard_is_ready(device: EdidFile) -> None:
    guards: list[LinkGuard] = []

    def start(region: RegionInfo, before: EdidRegion) -> LinkGuard | None:
        guard = LinkGuard.start(device, region, before)
        assert guard is not None
        guards.append(guard)
        return guard

    writer = _writer(device, start)
    # On a slow machine the guard may be ready in the first step.
    while _is_up(device):
        assert writer.step()
    assert guards[0]._ready
    until(lambda: writer.step() is None)
    assert _is_up(device)
    with pytest.raises(ChildProcessError):
        os.waitpid(guards[0]._pid or -1, os.WNOHANG)
    guards[0].close()


@pytest.mark.parametrize(
    ("text", "number"), [("import nonsense", errno.ECHILD), ("import time; time.sleep(100)", errno.ETIMEDOUT)]
)
def test_without_a_guard_nothing_is_written(
    device: EdidFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, number: int
) -> None:
    monkeypatch.setattr(link_guard, "_START_LIMIT_NS", 0 if number == errno.ETIMEDOUT else 20_000_000_000)
    program = tmp_path / "program.py"
    program.write_text(text)
    writer = _writer(device, lambda region, before: LinkGuard.start(device, region, before, program=program))

    def refused() -> bool:
        try:
            writer.step()
        except OSError as error:
            assert error.errno == number
            return True
        assert _is_up(device)
        return False

    until(refused)
    assert writer.step() is None
    assert _is_up(device)


@pytest.mark.parametrize("fault", ["no interpreter", "no socket"])
def test_what_cannot_be_started_is_an_os_error_and_leaves_nothing_open(
    device: EdidFile, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def exhausted(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    if fault == "no interpreter":
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    else:
        monkeypatch.setattr(socket, "socketpair", exhausted)
    writer = _writer(device, lambda region, before: LinkGuard.start(device, region, before))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        writer.step()
    assert len(os.listdir("/proc/self/fd")) == before
    assert _is_up(device)


def test_a_simulated_device_needs_none() -> None:
    device = open_simulated("gvt,size=64x64")
    region = find_edid_region(device)
    assert region is not None
    assert LinkGuard.start(device, region, read_edid(device, region)) is None
    device.close()


def test_a_guard_that_stopped_is_ended_all_the_same(device: EdidFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_guard, "_END_LIMIT_MS", 50)
    region = find_edid_region(device)
    assert region is not None
    guard = LinkGuard.start(device, region, read_edid(device, region))
    assert guard is not None
    until(guard.ready)
    os.kill(guard._pid, signal.SIGSTOP)
    pid = guard._pid
    guard.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
