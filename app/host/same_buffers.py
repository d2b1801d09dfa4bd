"""Which other processes have the same dma-buf open: a dma-buf has one inode number over all fds and processes."""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from app.host import proc
from app.host.paths import HOST, Paths
from app.planes.dmabuf import exporter_in

_LINK = "/dmabuf:"
_MOST_FDS = 4096
_MAX_FDINFO = 1 << 12
# It stands before the locks of the file and the lines of the dma-buf, whose owner chooses its name (fs/proc/fd.c).
_INODE = re.compile(rb"^ino:\t(\d{1,20})$", re.M)


@dataclass(frozen=True, slots=True)
class SameBuffer:
    """A fd of another process that is the same dma-buf. ``process`` is what the process calls itself."""

    pid: int
    process: str
    fd: int


def same_buffers(
    inodes: Collection[int], pids: Iterable[int], paths: Paths = HOST
) -> dict[int, tuple[SameBuffer, ...]]:
    """The fds of these processes by the inode number of the dma-buf, for those of ``inodes`` that are found.

    A process that this user may not look into has none. The numbers are only good while this process has the dma-bufs
    open: the kernel uses the number of a freed one again.
    """
    found: defaultdict[int, list[SameBuffer]] = defaultdict(list)
    for pid in pids if inodes else ():
        with suppress(OSError), proc.open_folder(paths.proc / str(pid)) as folder:
            process = proc.read_name(folder)
            for fd in _dma_bufs(folder):
                inode = _inode(fd, folder)
                if inode in inodes:
                    assert inode is not None
                    found[inode].append(SameBuffer(pid, process, fd))
    return {inode: tuple(each) for inode, each in found.items()}


def _dma_bufs(folder: int) -> list[int]:
    """The fds of a process that seem to be dma-bufs. Raises OSError."""
    fds = []
    with proc.open_folder("fd", folder) as files, os.scandir(files) as entries:
        for entry in islice(entries, _MOST_FDS):
            # A fd may be closed meanwhile.
            with suppress(OSError):
                if os.readlink(entry.name, dir_fd=files).startswith(_LINK):
                    fds.append(int(entry.name))
    return sorted(fds)


def _inode(fd: int, folder: int) -> int | None:
    """The inode number of a fd that is a dma-buf; None for another file. Only the kernel writes fdinfo."""
    try:
        fdinfo = proc.read(f"fdinfo/{fd}", folder, _MAX_FDINFO)
    except OSError:
        return None
    match = _INODE.search(fdinfo)
    return int(match[1]) if match is not None and exporter_in(fdinfo) is not None else None
