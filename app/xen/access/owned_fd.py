"""A file descriptor that several threads use and one closes."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class OwnedFd:
    """Takes the fd over. No thread uses its number after :meth:`close`, when it may be another file's."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self._lock = threading.Lock()

    @contextmanager
    def use(self) -> Iterator[int]:
        """The fd, which stays open in the block. One thread at a time. Raises OSError(EBADF) if it is closed."""
        with self._lock:
            if self._fd is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            yield self._fd

    def duplicate(self) -> int:
        """Another fd of the same open file, for calls that wait in the kernel. Raises OSError."""
        with self.use() as fd:
            return os.dup(fd)

    def close(self) -> None:
        """Wait for the block in use and close. May be called twice."""
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None
