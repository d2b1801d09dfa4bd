"""A fd that becomes readable when another thread says so."""

import os
import threading
from contextlib import suppress


class WakeUp:
    """Owns an eventfd. Any thread may set it, one thread clears and closes it. Raises OSError where no fd is left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    @property
    def fd(self) -> int:
        return self._fd

    def set(self) -> None:
        with self._lock:
            if not self._set and self._fd >= 0:
                os.eventfd_write(self._fd, 1)
                self._set = True

    def clear(self) -> None:
        with self._lock:
            if self._set and self._fd >= 0:
                with suppress(BlockingIOError):
                    os.eventfd_read(self._fd)
            self._set = False

    def close(self) -> None:
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
