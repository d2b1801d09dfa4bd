"""Whatever ends or stops this program while it sets a resolution, the guest gets its screen back."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.edid.parse import parse_edid
from tests.unit.app.device import edid_file
from tests.unit.command import REPOSITORY
from tests.unit.qmp_server import until
from tests.unit.vms import Child

_VIEWER = "tests.attacks.programs.edid_viewer"


@pytest.fixture
def device() -> Iterator[int]:
    fd = edid_file.make_file()
    yield fd
    os.close(fd)


@contextmanager
def _viewer(device: int, place: str, vm: int = -1) -> Iterator[subprocess.Popen[bytes]]:
    fds = [each for each in (device, vm) if each >= 0]
    with subprocess.Popen(
        [sys.executable, "-m", _VIEWER, str(device), str(vm), place],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        pass_fds=fds,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _says(process: subprocess.Popen[bytes], word: bytes) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == word + b"\n"


def _others_with_the_device(device: int, *known: int) -> list[str]:
    """The processes that still have the device open."""
    link = os.readlink(f"/proc/self/fd/{device}")  # noqa: PTH115
    inode = os.fstat(device).st_ino
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) in (os.getpid(), *known):
            continue
        try:
            for each in (folder / "fd").iterdir():
                if str(each.readlink()) == link and each.stat().st_ino == inode:
                    found.append(folder.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("place", ["down", "blob"])
def test_killed_with_all_its_group_it_leaves_the_link_up_and_a_whole_edid(device: int, place: str) -> None:
    with _viewer(device, place) as process:
        _says(process, b"down")
        assert not edid_file.is_up(device)
        # As at the end of a desktop session: first everybody is asked.
        for pid in {*_others_with_the_device(device)}:
            os.kill(int(pid), signal.SIGHUP)
            os.kill(int(pid), signal.SIGTERM)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: edid_file.is_up(device))
        assert edid_file.edid(device) == edid_file.OLD
        until(lambda: not _others_with_the_device(device))


def test_stopped_it_gives_the_screen_back_after_some_seconds(device: int) -> None:
    with _viewer(device, "down") as process:
        _says(process, b"down")
        process.send_signal(signal.SIGSTOP)
        until(lambda: edid_file.is_up(device))
        assert edid_file.edid(device) == edid_file.OLD
        until(lambda: not _others_with_the_device(device, process.pid))


def test_after_the_vms_end_nothing_is_written_and_the_device_is_not_held(device: int) -> None:
    vm = Child([])
    pidfd = os.pidfd_open(vm.pid)
    try:
        with _viewer(device, "down", pidfd) as process:
            _says(process, b"down")
            assert _others_with_the_device(device, process.pid)
            # The guest's screen does not matter any more, but the VM's next start does.
            process.send_signal(signal.SIGSTOP)
            vm.end()
            until(lambda: not _others_with_the_device(device, process.pid))
            assert not edid_file.is_up(device)
    finally:
        vm.kill()
        os.close(pidfd)


def test_left_alone_it_sets_the_mode_and_no_process_is_left(device: int) -> None:
    with _viewer(device, "end") as process:
        _says(process, b"set")
        assert process.wait() == 0
        preferred = parse_edid(edid_file.edid(device)).preferred
        assert preferred is not None and (preferred.width, preferred.height) == (800, 600)
        assert edid_file.is_up(device)
        assert not _others_with_the_device(device)
