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
        self._users = 0
        self._changed = threading.Condition()

    @contextmanager
    def use(self) -> Iterator[int]:
        """The fd, which stays open in the block. Threads do not wait for each other. Raises OSError(EBADF)."""
        with self._changed:
            if self._fd is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            fd = self._fd
            self._users += 1
        try:
            yield fd
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def duplicate(self) -> int:
        """Another fd of the same open file, for calls that wait in the kernel. Raises OSError."""
        with self.use() as fd:
            return os.dup(fd)

    def close(self) -> None:
        """Let no thread begin to use it, wait for those that do, and close. More calls do nothing."""
        with self._changed:
            fd, self._fd = self._fd, None
            if fd is None:
                return
            self._changed.wait_for(lambda: not self._users)
        os.close(fd)
