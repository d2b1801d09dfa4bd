"""What reaches the kernel by the seam, and what does not fit into it."""

import errno
import os
from collections.abc import Callable, Iterator

import pytest

from app.device.seam import FdDevice


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
