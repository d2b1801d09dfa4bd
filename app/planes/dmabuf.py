"""Information about a dma-buf, and coherent CPU access to it (Documentation/driver-api/dma-buf.rst).

Any fd with a size works. The memfd of a simulated device has no SYNC ioctl and needs none.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.abi import dma_buf
from app.text.clean import clean

# Signals may interrupt the ioctl a few times. A driver that always answers EINTR must not block a draw.
_SYNC_TRIES = 16


@dataclass(frozen=True, slots=True)
class DmaBufInfo:
    """``size`` is in bytes. ``device`` and ``inode`` identify the buffer: all its fds have the same values.

    ``exporter`` is the driver's name from fdinfo. It is empty for a file that is no dma-buf.
    """

    size: int
    device: int
    inode: int
    exporter: str


def dma_buf_info(fd: int) -> DmaBufInfo:
    """The information about the dma-buf ``fd``. Raises OSError if fstat fails."""
    stat = os.fstat(fd)
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
    except OSError:
        size = stat.st_size
    return DmaBufInfo(size, stat.st_dev, stat.st_ino, _exporter(fd))


def _exporter(fd: int) -> str:
    try:
        text = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii", "replace")
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "exp_name":
            return clean(value.strip())
    return ""


def _sync(fd: int, flags: int) -> None:
    for left in reversed(range(_SYNC_TRIES)):
        try:
            fcntl.ioctl(fd, dma_buf.DMA_BUF_IOCTL_SYNC, struct.pack("=Q", flags))
        except OSError as error:
            # The kernel's header demands a retry on EAGAIN and EINTR. A memfd answers ENOTTY; it is always coherent.
            if error.errno in (errno.EAGAIN, errno.EINTR) and left:
                continue
            if error.errno != errno.ENOTTY:
                raise
        return


@contextmanager
def sync_for_read(fd: int) -> Iterator[None]:
    """CPU reads inside the context see what the device wrote. This does not wait for the guest's next frame."""
    _sync(fd, dma_buf.DMA_BUF_SYNC_READ | dma_buf.DMA_BUF_SYNC_START)
    try:
        yield
    finally:
        _sync(fd, dma_buf.DMA_BUF_SYNC_READ | dma_buf.DMA_BUF_SYNC_END)
