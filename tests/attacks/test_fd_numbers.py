"""A driver that returns 0, 1 or 2 where it should return a new fd: these are the program's standard files."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.abi import vfio
from app.attach import device_node
from app.attach.device_node import Syscalls, device_from_fd, open_vgpu
from app.device.gfx_plane import get_gfx_dmabuf
from app.errors import OpenFailed
from app.host.discovery import discover
from tests.unit.hosts import UUID_A, Host
from tests.unit.scripted import ScriptedDevice


class _Driver(ScriptedDevice):
    """Answers GET_GFX_DMABUF with a number of its choice."""

    number = 0

    def ioctl(self, request: int, buffer: bytearray) -> int:
        return self.number


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers that were closed or changed; nothing happens to the files."""
    numbers: list[int] = []
    monkeypatch.setattr(os, "set_inheritable", lambda fd, _: numbers.append(fd))
    return numbers


@pytest.mark.parametrize("number", [0, 1, 2])
def test_buffer_that_is_a_standard_file_is_not_touched(number: int, closed: list[int]) -> None:
    driver = _Driver()
    driver.number = number
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        get_gfx_dmabuf(driver, 1)
    assert closed == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_device_that_is_a_standard_file_is_not_opened(tmp_path: Path, number: int, closed: list[int]) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 7)
    (vgpu,) = discover(host.scan())

    def ioctl(_fd: int, request: int, argument: object) -> int:
        if request == vfio.VFIO_GROUP_GET_STATUS:
            assert isinstance(argument, bytearray)
            argument[:] = bytes(vfio.vfio_group_status(8, vfio.VFIO_GROUP_FLAGS_VIABLE))
        return number if request == vfio.VFIO_GROUP_GET_DEVICE_FD else 0

    def close(fd: int) -> None:
        closed.append(fd)
        os.close(fd)

    calls = replace(Syscalls(ioctl=ioctl, close=close), open=lambda _file, _flags: os.open(os.devnull, os.O_RDWR))
    with pytest.raises(OpenFailed, match="EBADF"):
        open_vgpu(vgpu, host.paths, calls)
    assert len(closed) == 2
    assert number not in closed


def test_device_that_was_passed_as_standard_input_leaves_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next file that is opened would get its number."""
    monkeypatch.setattr(device_node, "vfio_class", lambda _: ("vfio-dev", ""))
    monkeypatch.setattr(device_node, "device_info", lambda _: None)
    before = os.dup(0)
    try:
        device = device_from_fd(0)
        assert os.readlink("/proc/self/fd/0") == os.devnull  # noqa: PTH115
        device.close()
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_program_that_is_started_without_standard_files_opens_nothing_in_their_place() -> None:
    code = (
        "import os, sys; sys.argv = ['mdevview', 'list']; from ui.cli.main import main; main();"
        "file = os.open(os.devnull, os.O_RDONLY); sys.exit(0 if file > 2 else 9)"
    )
    started = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=60,
    )
    assert started.returncode == 0
