"""A plane in a file that another process may shorten: the memory of a display that is shared as a memfd.

A mapping of such a file would kill this process: an access beyond the end of the file is SIGBUS. So the kernel copies
the bytes, and a read beyond the end is an error.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.planes.buffer import Strips, next_serial
from app.planes.change_log import ChangeLog
from app.planes.read_watch import ReadWatch
from app.planes.staging import MAX_BYTES, too_large, vanished


class FileBuffer:
    """Owns the fd of a memfd or of a file of tmpfs, of which ``size`` bytes from ``offset`` on are the buffer.

    Takes the fd over: also if the constructor raises OSError, the fd is closed. OSError(EINVAL) is for any other file:
    a read of a pipe, a socket or a file of FUSE may wait for another process.
    """

    dmabuf_fd = None
    inode = None
    exporter = None
    may_vanish = True

    def __init__(self, fd: int, offset: int, size: int, changes: ChangeLog | None = None) -> None:
        try:
            # Only files of shared memory have seals (mm/memfd.c, memfd_file_seals_ptr).
            fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self.offset = offset
        self._copy = bytearray()
        self.serial = next_serial()
        self.size = size
        self.changes = changes
        self.watch = ReadWatch()

    @property
    def released(self) -> bool:
        return self._fd < 0

    def fileno(self) -> int:
        """The fd, which belongs to the buffer; -1 after the release."""
        return self._fd

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        rest = max(0, self.size - start)
        size = rest if length is None else min(length, rest)
        memory = self._memory(size)
        with memoryview(memory) as whole, whole[:size] as part:
            with self.watch.read(part, start, max(1, size), size):
                self._read(part, start)
            with part.toreadonly() as view:
                yield view

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        rest = self.size - start
        number = min(most, max(0, rest - length) // distance + 1) if rest >= length else 0
        size = number * length
        memory = self._memory(size)
        with memoryview(memory) as whole, whole[:size] as part:
            with self.watch.read(part, start, distance, length):
                for each in range(number):
                    with part[each * length : (each + 1) * length] as strip:
                        self._read(strip, start + each * distance)
            with part.toreadonly() as view:
                yield Strips(view, length, number)

    def _memory(self, size: int) -> bytearray:
        """Memory of our own for so many bytes; the same as before where that is enough and nobody reads it."""
        if self.released:
            raise ValueError("the file was closed")
        if size > MAX_BYTES:
            raise too_large(size)
        if len(self._copy) < size:
            self._copy = bytearray(size)
        return self._copy

    def _read(self, target: memoryview, start: int) -> None:
        done = 0
        while done < len(target):
            with target[done:] as rest:
                count = os.preadv(self._fd, [rest], self.offset + start + done)
            if count == 0:
                raise vanished()
            done += count

    def release(self) -> None:
        """Close the file and free the copy; more calls do nothing."""
        self._copy = bytearray()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
