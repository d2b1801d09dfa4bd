"""What the helper that runs as root hands over, and what not. The kernel is faked.

The lab has a real VFIO device to send (tests/lab/inside/program/test_privilege.py).
"""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.attach.request_text import request_words


class _Kernel:
    """Answers for the kernel: fds in ``devices`` are VFIO devices, and so are all duplicates."""

    def __init__(self, helper: Any, monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
        self.devices = {0: ("vfio-dev", "")}
        self.own = ("vfio-dev", "")
        self.displays = True
        self._pid = pid
        monkeypatch.setattr(helper, "vfio_class", self._vfio_class)
        monkeypatch.setattr(helper, "has_display", lambda fd: self.displays)

    def _vfio_class(self, path: str) -> tuple[str, str]:
        folder, fd = path.rsplit("/", 1)
        if folder == f"/proc/{self._pid}/fd":
            return self.devices.get(int(fd), ("", ""))
        assert folder == "/proc/self/fd"
        return self.own


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has one file of ours open, as fd 0."""
    (tmp_path / "device").touch()
    with (tmp_path / "device").open() as file, subprocess.Popen(["/bin/sleep", "1000"], stdin=file) as process:
        yield process
        process.kill()


@pytest.fixture
def kernel(helper: Any, monkeypatch: pytest.MonkeyPatch, holder: subprocess.Popen[bytes], pidfds: None) -> _Kernel:
    return _Kernel(helper, monkeypatch, holder.pid)


@contextmanager
def _duplicates(helper: Any, pid: int, only: int | None) -> Iterator[tuple[dict[int, int], list[int]]]:
    found, groups = helper.duplicates(pid, only, request_words(pid))
    yield found, groups
    for each in found.values():
        os.close(each)


def test_duplicate_is_of_the_very_file(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    kernel.devices = {0: ("vfio-dev", ""), 1: ("vfio", "7"), 2: ("vfio", "noiommu-12")}
    with _duplicates(helper, holder.pid, None) as (found, groups):
        assert (list(found), groups) == ([0], [7, 12])
        assert os.fstat(found[0]).st_ino == (tmp_path / "device").stat().st_ino
        assert not os.get_inheritable(found[0])


def test_only_what_was_asked_for_is_duplicated(helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes]) -> None:
    kernel.devices = {0: ("vfio-dev", ""), 1: ("vfio-dev", "vfio0")}
    with _duplicates(helper, holder.pid, 1) as (found, _):
        assert list(found) == [1]
    with _duplicates(helper, holder.pid, None) as (found, _):
        assert sorted(found) == [0, 1]


def test_file_exchanged_after_the_look_is_not_handed_over(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes]
) -> None:
    kernel.own = ("", "")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(helper.Refusal, match="no VFIO device with a display"):
        helper.duplicates(holder.pid, 0, request_words(holder.pid))
    # The pidfd is still open; the duplicate is closed.
    assert len(os.listdir("/proc/self/fd")) == before + 1


def test_device_without_a_display_is_not_handed_over(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes]
) -> None:
    kernel.displays = False
    with pytest.raises(helper.Refusal, match="no VFIO device with a display"):
        helper.duplicates(holder.pid, None, request_words(holder.pid))


def test_process_that_ended_meanwhile_may_have_been_another(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(fd: int) -> bool:
        os.close(fd)
        holder.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        return True

    monkeypatch.setattr(helper, "has_display", end)
    with pytest.raises(helper.Refusal, match=f"process {holder.pid} has ended") as caught:
        helper.duplicates(holder.pid, 0, request_words(holder.pid))
    assert caught.value.kind == "process"


def test_more_devices_than_a_message_carries(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper, "vfio_files", lambda pid: (list(range(65)), []))
    with pytest.raises(helper.Refusal, match="too many VFIO devices open: 65"):
        helper.duplicates(holder.pid, None, request_words(holder.pid))


def test_kernel_thread_is_no_vmm(helper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pidfds: None) -> None:
    """It has PF_KTHREAD in the flags of proc_pid_stat(5), after a name that may contain any character."""
    stat = tmp_path / "stat"
    stat.write_bytes(b"2 (kth) S 9 9 9) S 0 0 0 0 -1 2129984 0 0\n")
    monkeypatch.setattr(helper, "open", lambda path, mode: stat.open(mode), raising=False)
    with pytest.raises(helper.Refusal, match="belongs to the kernel"):
        helper.duplicates(os.getpid(), None, request_words(os.getpid()))


@pytest.mark.parametrize(
    ("answers", "display"),
    [
        ({0x3B6B: 0, (0x3B72, 3): 0}, True),
        ({0x3B6B: 0, (0x3B72, 3): errno.EINVAL, (0x3B72, 5): 0}, True),
        ({0x3B6B: 0, (0x3B72, 3): errno.EINVAL, (0x3B72, 5): errno.EINVAL}, False),
        ({0x3B6B: 0, (0x3B72, 3): errno.ENOTTY, (0x3B72, 5): errno.ENOTTY}, False),
        # A device node that is not bound to an iommufd yet: no further ioctl is made.
        ({0x3B6B: errno.EINVAL}, False),
    ],
)
def test_display_is_probed_and_nothing_else_is_asked(
    helper: Any, monkeypatch: pytest.MonkeyPatch, answers: dict[Any, int], display: bool
) -> None:
    def ioctl(fd: int, request: int, argument: bytearray) -> int:
        assert len(argument) == int.from_bytes(argument[:4], sys.byteorder)
        flags = int.from_bytes(argument[4:8], sys.byteorder)
        code = answers.pop((request, flags) if request == 0x3B72 else request)
        if code:
            raise OSError(code, os.strerror(code))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert helper.has_display(99) is display
    assert not answers


def test_character_device_is_what_the_kernel_calls_it(
    helper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The device number counts, not the path: a container or a user may create the node under any path."""
    links = {
        "/proc/9/fd/5": "/vfio-of-mine",
        "/sys/dev/char/1:3/subsystem": "../../../../class/vfio-dev",
        "/sys/dev/char/1:3": "../../devices/virtual/mbochs/mbochs/UUID/vfio-dev/vfio3",
    }
    monkeypatch.setattr(os, "readlink", links.__getitem__)
    real = helper.device_number
    monkeypatch.setattr(helper, "device_number", lambda path: real("/dev/null"))
    assert helper.vfio_class("/proc/9/fd/5") == ("vfio-dev", "vfio3")
    links["/sys/dev/char/1:3/subsystem"] = "../../../../class/mem"
    assert helper.vfio_class("/proc/9/fd/5") == ("", "")
    links["/proc/9/fd/5"] = "anon_inode:[vfio-device]"
    assert helper.vfio_class("/proc/9/fd/5") == ("vfio-dev", "")


def test_file_on_a_file_system_that_is_closed_to_it_is_no_device(helper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a FUSE mount is to other users. The VM's vGPU is found nevertheless."""

    def closed(_: str) -> tuple[int, int]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "readlink", {"/proc/9/fd/5": "/mnt/vfio/disk.qcow2"}.__getitem__)
    monkeypatch.setattr(helper, "device_number", closed)
    assert helper.vfio_class("/proc/9/fd/5") == ("", "")
