"""A thread that works for a window. The window watches a fd, and stops the thread without waiting for it."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack

from app.errors import OpenFailed


class BackgroundThread:
    """Owns a thread that runs ``work``, and the fds by which both sides wake each other.

    ``work`` must return soon after :attr:`stopped` is set; ``stop_fd`` then becomes readable, too. It calls
    :meth:`notify` when it has a new result. The program can end while the thread runs. Raises OpenFailed if no fd is
    left; :meth:`start` raises it if no thread can be started.
    """

    def __init__(self, name: str, work: Callable[["BackgroundThread"], None]) -> None:
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        with ExitStack() as undo:
            try:
                self.stop_fd = _eventfd(undo)
                self._notify_fd = _eventfd(undo)
            except OSError as error:
                raise _refused(error) from error
            undo.pop_all()

    def start(self) -> None:
        """Start the thread. Store this object first, because ``work`` may use it at once."""
        try:
            self._thread.start()
        except RuntimeError as error:
            self.stop()
            self._close_stop_fd()
            raise _refused(error) from error

    def fileno(self) -> int:
        """A fd that is readable after :meth:`notify` until :meth:`acknowledge`; -1 after :meth:`stop`."""
        return self._notify_fd

    def notify(self) -> None:
        with self._lock:
            if self._notify_fd >= 0:
                os.eventfd_write(self._notify_fd, 1)

    def acknowledge(self) -> None:
        with self._lock:
            if self._notify_fd >= 0:
                try:
                    os.eventfd_read(self._notify_fd)
                except BlockingIOError:
                    return

    def stop(self) -> None:
        """Tell the thread to end. Does not wait for it; more calls do nothing. Stop watching :meth:`fileno` first."""
        self.stopped.set()
        with self._lock:
            if self.stop_fd >= 0:
                os.eventfd_write(self.stop_fd, 1)
            notify_fd, self._notify_fd = self._notify_fd, -1
            if notify_fd >= 0:
                os.close(notify_fd)

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread. Returns whether it ended in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work(self)
        finally:
            self._close_stop_fd()

    def _close_stop_fd(self) -> None:
        with self._lock:
            os.close(self.stop_fd)
            self.stop_fd = -1


def _eventfd(undo: ExitStack) -> int:
    fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    undo.callback(os.close, fd)
    return fd


def _refused(error: Exception) -> OpenFailed:
    return OpenFailed(f"nothing can be opened in the background: {error}", "close other windows")
