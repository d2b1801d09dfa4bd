"""What reaches the kernel by the seam, and what does not fit into it."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator

import pytest

from app.device.seam import FdDevice
from app.planes.dmabuf import sync_for_read


@pytest.fixture
def device() -> Iterator[FdDevice]:
    device = FdDevice(os.open("/dev/zero", os.O_RDWR | os.O_CLOEXEC))
    yield device
    device.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda device: device.pread(4, 1 << 63),
        lambda device: device.pwrite(b"", 1 << 63),
        lambda device: device.mmap(4096, 1 << 63),
        lambda device: device.mmap(1 << 64, 0),
    ],
)
def test_an_offset_that_no_file_has_is_an_os_error(device: FdDevice, call: Callable[[FdDevice], object]) -> None:
    """A region's offset is 64 bits of the driver's."""
    with pytest.raises(OSError) as caught:
        call(device)
    assert caught.value.errno == errno.EOVERFLOW


class Sync:
    """fcntl.ioctl that fails with these errnos first."""

    def __init__(self, *errnos: int) -> None:
        self.errnos = list(errnos)
        self.flags: list[int] = []

    def __call__(self, _fd: int, _request: int, argument: bytes) -> int:
        self.flags.append(int.from_bytes(argument, "little"))
        if self.errnos:
            code = self.errnos.pop(0)
            raise OSError(code, os.strerror(code))
        return 0


def test_a_sync_that_a_signal_interrupts_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Sync(errno.EINTR, errno.EAGAIN)
    monkeypatch.setattr(fcntl, "ioctl", sync)
    with sync_for_read(0):
        pass
    assert sync.flags == [1, 1, 1, 5]


def test_a_sync_that_never_succeeds_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Sync(*[errno.EAGAIN] * 1000)
    monkeypatch.setattr(fcntl, "ioctl", sync)
    with pytest.raises(BlockingIOError), sync_for_read(0):
        pass
    assert len(sync.flags) < 100
