"""The record of fetched buffers: a second fetch of one corrupts the kernel, so that every doubt refuses."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.host.paths import Paths
from app.host.process import start_time
from app.planes.status import Reason
from app.vfio.fetch_record import FetchRecordError, FetchRecordFile, purge
from tests.unit.command import REPOSITORY
from tests.unit.vms import Child

DEVICE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
_VIEWER = "tests.unit.app.vfio.programs.fetching_viewer"


@pytest.fixture
def vm() -> Iterator[Child]:
    child = Child([])
    yield child
    child.kill()


def _paths(folder: Path) -> Paths:
    """The real processes, and ledgers in ``folder``/shm."""
    (folder / "shm").mkdir(exist_ok=True)
    return Paths(dev=folder)


def _only(folder: Path) -> Path:
    (file,) = (folder / "shm").iterdir()
    return file


def _open(vm: Child, folder: Path, device: str = DEVICE) -> FetchRecordFile:
    return FetchRecordFile.open(vm.pid, start_time(vm.pid), device, _paths(folder))


def _refused(vm: Child, folder: Path) -> str:
    with pytest.raises(FetchRecordError) as caught:
        _open(vm, folder)
    return str(caught.value)


def test_what_one_viewer_fetched_the_next_does_not(vm: Child, tmp_path: Path) -> None:
    first = _open(vm, tmp_path)
    assert first.refusal(3) is None
    first.note(3)
    assert first.refusal(3) is None, "the viewer itself knows better what it holds"
    first.close()
    second = _open(vm, tmp_path)
    refusal = second.refusal(3)
    assert refusal is not None
    assert refusal.reason is Reason.FETCHED_BEFORE
    assert second.refusal(4) is None
    second.close()
    assert second.refusal(4) is not None, "without the lock nothing is fetched"


def test_viewer_that_was_killed_leaves_what_it_fetched(vm: Child, tmp_path: Path) -> None:
    arguments = [str(vm.pid), str(start_time(vm.pid)), DEVICE, str(_paths(tmp_path).dev)]
    with subprocess.Popen(
        [sys.executable, "-m", _VIEWER, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as viewer:
        assert viewer.stdout is not None
        assert viewer.stdout.readline() == b"noted\n"
        assert f"process {viewer.pid} shows this VM already" in _refused(vm, tmp_path)
        viewer.send_signal(signal.SIGKILL)
    ledger = _open(vm, tmp_path)
    assert ledger.refusal(7) is not None
    ledger.close()


def test_devices_of_one_vm_have_ids_of_their_own(vm: Child, tmp_path: Path) -> None:
    one, other = _open(vm, tmp_path), _open(vm, tmp_path, "other")
    one.note(1)
    other.note(2)
    for each in (one, other):
        each.close()
    one, other = _open(vm, tmp_path), _open(vm, tmp_path, "other")
    assert [each.refusal(1) is None for each in (one, other)] == [False, True]
    assert [each.refusal(2) is None for each in (one, other)] == [True, False]
    for each in (one, other):
        each.close()


def test_ledger_is_no_childs_and_closed_to_others(vm: Child, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ledger = _open(vm, tmp_path)
    finally:
        os.umask(before)
    file = _only(tmp_path)
    # Who can open it can lock it.
    assert file.stat().st_mode & 0o777 == 0o600
    (fd,) = (each for each in Path("/proc/self/fd").iterdir() if str(each.resolve()) == str(file))
    assert not os.get_inheritable(int(fd.name))
    ledger.close()


def test_what_another_user_could_have_written_is_not_believed(vm: Child, tmp_path: Path) -> None:
    _open(vm, tmp_path).close()
    file = _only(tmp_path)
    file.chmod(0o666)
    assert "another user could have written" in _refused(vm, tmp_path)
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, 12345, 12345)
        assert "another user could have written" in _refused(vm, tmp_path)


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_what_is_no_file_is_not_used(vm: Child, tmp_path: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    _open(vm, tmp_path).close()
    file = _only(tmp_path)
    file.unlink()
    match kind:
        case "link":
            elsewhere.touch()
            file.symlink_to(elsewhere)
        case "dangling":
            file.symlink_to(elsewhere)
        case "folder":
            file.mkdir()
        case "fifo":
            os.mkfifo(file)
    assert _refused(vm, tmp_path)
    assert not elsewhere.exists() or elsewhere.stat().st_size == 0


_JUNK = (
    st.binary(min_size=1, max_size=60)
    | st.from_regex(rb"(id \d+\n)*id ?\d*", fullmatch=True)
    | st.from_regex(rb"((id|viewer) [0-9]{1,9}\n)+", fullmatch=True)
)


@given(_JUNK)
@example(b"id 7\nviewer 9\n")
def test_damaged_ledger_is_no_empty_one(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    """Cut in the middle of a line, or written by somebody else: what was fetched is not known."""
    folder = tmp_path_factory.mktemp("shm")
    started = start_time(os.getpid())
    FetchRecordFile.open(os.getpid(), started, DEVICE, _paths(folder)).close()
    file = _only(folder)
    file.write_bytes(junk if junk.strip(b"\n") else b"\n")
    try:
        FetchRecordFile.open(os.getpid(), started, DEVICE, _paths(folder)).close()
    except FetchRecordError:
        assert junk != b"id 7\nviewer 9\n"
        return
    assert all(line.split()[0] in (b"id", b"viewer") for line in junk.splitlines())
    assert junk.endswith(b"\n")


def test_unwritable_ledger_fetches_nothing(vm: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = _open(vm, tmp_path)
    monkeypatch.setattr(os, "write", lambda _fd, data: len(data) - 1)
    with pytest.raises(OSError, match="No space"):
        ledger.note(1)
    monkeypatch.undo()
    assert ledger.refusal(2) is not None
    ledger.close()
    assert "damaged" in _refused_after_short_write(vm, tmp_path)
    shutil.rmtree(tmp_path / "shm")
    with pytest.raises(FetchRecordError, match="cannot be used"):
        FetchRecordFile.open(vm.pid, start_time(vm.pid), DEVICE, Paths(dev=tmp_path))


def _refused_after_short_write(vm: Child, folder: Path) -> str:
    file = _only(folder)
    file.write_bytes(file.read_bytes() + b"id 1")
    return _refused(vm, folder)


def test_ledger_that_is_removed_ends_the_fetching(vm: Child, tmp_path: Path) -> None:
    ledger = _open(vm, tmp_path)
    assert ledger.refusal(1) is None
    _only(tmp_path).unlink()
    assert ledger.refusal(1) is not None
    ledger.close()


def test_only_ledgers_of_vms_that_ended_are_removed(vm: Child, tmp_path: Path) -> None:
    _open(vm, tmp_path).close()
    alive = _only(tmp_path)
    here = alive.name.rpartition("@")[2]
    reused = alive.parent / f"mdevview-fetches-{vm.pid}-1-{DEVICE}@{here}"
    foreign = alive.parent / "mdevview-fetches-x"
    # Of a container that has this folder as well, and processes of its own.
    elsewhere = alive.parent / f"mdevview-fetches-{vm.pid}-1-{DEVICE}@{int(here) + 1}"
    for each in (reused, foreign, elsewhere):
        each.touch()
    purge(_paths(tmp_path))
    assert {*alive.parent.iterdir()} == {alive, foreign, elsewhere}
    vm.kill()
    purge(_paths(tmp_path))
    assert {*alive.parent.iterdir()} == {foreign, elsewhere}
