"""Processes held by their pidfd."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NoSuchDevice, ProcessGone
from app.host.paths import Paths
from app.host.process import Process, start_time
from tests.unit.hosts import stat_line
from tests.unit.vms import Child


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child(["one"])
    yield child
    child.kill()


def test_fd_is_duplicated_and_not_inherited(child: Child) -> None:
    with Process.open(child.pid) as process:
        own = process.duplicate(child.fds[0])
        try:
            assert str(Path(f"/proc/self/fd/{own}").readlink()) == "/memfd:one (deleted)"
            assert not os.get_inheritable(own)
        finally:
            os.close(own)
        with pytest.raises(OSError) as caught:
            process.duplicate(999)
        assert caught.value.errno == errno.EBADF


def test_fd_of_a_suspended_process_is_duplicated_as_well(child: Child) -> None:
    child.suspend()
    with Process.open(child.pid) as process:
        os.close(process.duplicate(child.fds[0]))


def test_end_is_seen_at_once_and_stays_seen(child: Child) -> None:
    with Process.open(child.pid) as process:
        assert not process.ended()
        child.end()
        assert process.ended()
        with pytest.raises(OSError) as caught:
            process.duplicate(child.fds[0])
        assert caught.value.errno == errno.ESRCH
        process.close()
        assert process.ended()
        assert process.fileno() == -1


def test_zombie_and_free_pid_are_no_process(child: Child) -> None:
    child.end()
    with pytest.raises(ProcessGone, match="has ended"):
        Process.open(child.pid)
    child.kill()
    with pytest.raises(ProcessGone, match="no process"):
        Process.open(child.pid)


def test_thread_is_no_process() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(NoSuchDevice, match="thread"):
            Process.open(thread.native_id or 0)
    finally:
        done.set()
        thread.join()


def test_start_time_of_this_process_is_the_kernels() -> None:
    assert start_time(os.getpid()) == int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])


@given(st.text(max_size=15), st.integers(0, 2**63))
def test_no_process_name_hides_the_start_time(tmp_path_factory: pytest.TempPathFactory, name: str, when: int) -> None:
    """A process chooses its name, brackets and line ends included."""
    folder = tmp_path_factory.mktemp("proc")
    (folder / "7").mkdir()
    (folder / "7/stat").write_text(stat_line(7, name, 1, when), "utf-8", "surrogatepass", "")
    assert start_time(7, Paths(proc=folder)) == when
