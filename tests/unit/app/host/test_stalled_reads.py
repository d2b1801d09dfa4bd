"""A read that stands still is left behind, and costs the other processes nothing."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.host import stalled_reads
from app.host.stalled_reads import read_each
from tests.unit.hosts import Host

_OTHER = os.getuid() + 1


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(stalled_reads, "_STALL_S", 0.3)
    host = Host(tmp_path)
    for pid in range(50, 60):
        host.process(pid, "vm", uid=os.getuid() if pid % 2 else _OTHER)
    return host


class _Reads:
    """Reads that stand still for some pids, until they are let go."""

    def __init__(self, *stuck: int) -> None:
        self._stuck = stuck
        self._go_on = threading.Event()
        self.started: list[int] = []

    def __call__(self, pid: int, _folder: int) -> str:
        self.started.append(pid)
        if pid in self._stuck:
            self._go_on.wait(60)
        return f"process {pid}"

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._go_on.set()
            for each in stalled_reads._still_stuck():
                each.thread.join(60)


def test_every_process_is_read_once(host: Host) -> None:
    read = _Reads()
    assert read_each(range(50, 60), read, host.paths) == ({pid: f"process {pid}" for pid in range(50, 60)}, set())
    assert read.started == [*range(50, 60)]
    assert read_each((), read, host.paths) == ({}, set())


def test_after_a_stranger_stands_still_only_his_processes_are_skipped(host: Host) -> None:
    read = _Reads(52)
    with read.standing_still():
        results, unread = read_each(range(50, 60), read, host.paths)
        assert sorted(results) == [50, 51, 53, 55, 57, 59]
        assert unread == {52, 54, 56, 58}
        read.started.clear()
        read_each(range(50, 60), read, host.paths)
        assert read.started == [50, 51, 53, 54, 55, 56, 57, 58, 59], "it is not waited for twice"


def test_own_process_that_stands_still_is_skipped_alone(host: Host) -> None:
    read = _Reads(51)
    with read.standing_still():
        assert read_each(range(50, 60), read, host.paths)[1] == {51}


def test_after_the_time_limit_only_own_processes_are_read(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalled_reads, "_LIMIT_S", -1.0)
    assert sorted(read_each(range(50, 60), _Reads(), host.paths)[0]) == [51, 53, 55, 57, 59]


def test_error_of_a_read_is_raised_here(host: Host) -> None:
    def fail(pid: int, _folder: int) -> None:
        raise OSError(pid, "no more files")

    with pytest.raises(OSError, match="no more files"):
        read_each([50, 51], fail, host.paths)
