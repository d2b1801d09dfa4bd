"""A timer of the window's thread with nanoseconds, while QTimer's are whole milliseconds."""

import os
import time
from contextlib import suppress

from PyQt6.QtCore import QObject, QSocketNotifier, Qt, QTimer, pyqtSignal
from PyQt6.sip import voidptr

from app.abi.timerfd import timerfd_create, timerfd_settime

_MS = 1_000_000


class PreciseTimer(QObject):
    """Fires once after each :meth:`start`. Owns a timerfd; without a fd left it is a QTimer."""

    timeout = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._due_ns: int | None = None
        self._fd = -1
        with suppress(OSError):
            self._fd = timerfd_create()
        self._notifier: QSocketNotifier | None = None
        self._timer: QTimer | None = None
        if self._fd >= 0:
            self._notifier = QSocketNotifier(voidptr(self._fd), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._readable)
        else:
            self._timer = QTimer(self)
            self._timer.setSingleShot(True)
            self._timer.setTimerType(Qt.TimerType.PreciseTimer)
            self._timer.timeout.connect(self._fire)

    @property
    def active(self) -> bool:
        """Whether it will fire."""
        return self._due_ns is not None

    def left_ns(self) -> int:
        """The time until it fires; only while it is active."""
        assert self._due_ns is not None
        return max(0, self._due_ns - time.monotonic_ns())

    def start(self, ns: int) -> None:
        """Fire in ``ns`` nanoseconds, and not when it was to fire before. Does nothing after :meth:`close`."""
        if self._timer is not None:
            self._timer.start(-(-ns // _MS))
        elif self._fd >= 0:
            timerfd_settime(self._fd, time.monotonic_ns() + ns)
        else:
            return
        self._due_ns = time.monotonic_ns() + ns

    def stop(self) -> None:
        """Do not fire; more calls do nothing."""
        self._due_ns = None
        if self._timer is not None:
            self._timer.stop()
        elif self._fd >= 0:
            timerfd_settime(self._fd, None)

    def close(self) -> None:
        """Stop and close the fd; more calls do nothing."""
        self.stop()
        self._timer = None
        if self._notifier is not None:
            # Before the fd is closed, as another file may get its number.
            self._notifier.setEnabled(False)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _readable(self) -> None:
        # Stopped or started anew after Qt saw it: then there is nothing to read.
        with suppress(BlockingIOError):
            os.read(self._fd, 8)
            self._fire()

    def _fire(self) -> None:
        self._due_ns = None
        self.timeout.emit()
