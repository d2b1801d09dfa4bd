"""Information about a dma-buf, and coherent CPU access to it (Documentation/driver-api/dma-buf.rst).

A memfd works too: simulated devices and other processes have nothing else. It has no SYNC ioctl and needs none.
"""

import errno
import fcntl
import mmap
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.abi import dma_buf
from app.text.clean import clean

# Signals may interrupt the ioctl a few times. A driver that always answers EINTR must not block a draw.
_SYNC_TRIES = 16
# What is known of a dma-buf is shorter. But a file with many locks has a fdinfo of many megabytes.
_MAX_FDINFO = 1 << 12


@dataclass(frozen=True, slots=True)
class DmaBufInfo:
    """``size`` is in bytes. ``device`` and ``inode`` identify the buffer: all its fds have the same values.

    ``exporter`` is the driver's name from fdinfo. It is empty for a memfd. ``may_vanish``: another process can take
    the memory away while it is read. ``name`` is what the owner called the dma-buf, None without
    a name; it may change later.
    """

    size: int
    device: int
    inode: int
    exporter: str
    may_vanish: bool
    name: str | None = None


def dma_buf_info(fd: int) -> DmaBufInfo:
    """The information about a dma-buf or memfd.

    Raises OSError, and OSError(EINVAL) for another file. Even fstat of such a file may wait for another process
    (FUSE), so the kernel's own evidence is asked first.
    """
    seals = _seals(fd)
    exporter, name = _exporter_and_name(fd) if seals is None else ("", None)
    stat = os.fstat(fd)
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
    except OSError:
        size = stat.st_size
    may_vanish = seals is not None and _may_vanish(fd, seals)
    return DmaBufInfo(size, stat.st_dev, stat.st_ino, exporter, may_vanish, name)


def _seals(fd: int) -> int | None:
    """The seals of a memfd; None for a file that is none (mm/memfd.c)."""
    try:
        return fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return None


def _may_vanish(fd: int, seals: int) -> bool:
    """Whether an access to a mapping of the memfd may end in SIGBUS.

    It does beyond the end of a file, and the holder of a file without F_SEAL_SHRINK can shorten it. It does also in a
    hole of a file of huge pages when there is none left, and no seal prevents holes (mm/hugetlb.c, hugetlb_no_page).
    """
    return not seals & fcntl.F_SEAL_SHRINK or os.fstatvfs(fd).f_bsize != mmap.PAGESIZE


def _exporter_and_name(fd: int) -> tuple[str, str | None]:
    """The exporter of a dma-buf and its name. Raises OSError(EINVAL) for another file.

    Before its line stand the locks of the file. Whoever has the file may set any number of them.
    """
    with Path(f"/proc/self/fdinfo/{fd}").open("rb") as file:
        fdinfo = file.read(_MAX_FDINFO)
    exporter = exporter_in(fdinfo)
    if exporter is None:
        raise OSError(errno.EINVAL, "neither a dma-buf nor a memfd")
    return exporter, name_in(fdinfo)


def exporter_in(fdinfo: bytes) -> str | None:
    """The exporter of a dma-buf in its fdinfo (dma_buf_show_fdinfo() in drivers/dma-buf/dma-buf.c).

    The first one counts: the owner of the dma-buf chooses its name, which comes last and may have newlines in it.
    """
    found = re.search(rb"^exp_name:(.*)\n", fdinfo, re.M)
    return None if found is None else clean(found[1].decode("ascii", "replace").strip())


def name_in(fdinfo: bytes) -> str | None:
    """The name of a dma-buf in its fdinfo, cleaned; None if it has none.

    It is all that follows the exporter's line and the word ``name:``. A newline may be part of it, so a line in it that
    looks like another entry is none.
    """
    found = re.search(rb"^exp_name:[^\n]*\nname:\t?", fdinfo, re.M)
    if found is None:
        return None
    name = fdinfo[found.end() :].removesuffix(b"\n").decode("utf-8", "replace")
    return clean(name) or None


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
