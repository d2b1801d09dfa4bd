"""Ctrl-C, SIGTERM and SIGHUP end a Qt program.

Python runs signal handlers only between its own instructions, and not inside Qt's event loop. The C signal handler
writes a byte to the wakeup fd, and a socket notifier passes that to the event loop. The Python handler does nothing,
because it may run in the middle of anything, for example a draw.
"""

import signal
import socket
from collections.abc import Callable
from types import FrameType

from PyQt6.QtCore import QObject, QSocketNotifier
from PyQt6.sip import voidptr

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Python writes to the wakeup fd only for signals that have a Python handler."""


class Interrupt(QObject):
    """Calls ``quit_`` after such a signal until closed. ``last`` is its number, 0 for none yet.

    A signal that was ignored stays so, as nohup wants it.
    """

    def __init__(self, quit_: Callable[[], object]) -> None:
        super().__init__()
        self._quit = quit_
        self.last = 0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno())
        heeded = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        self._old = {each: signal.signal(each, _ignore) for each in heeded}
        self._notifier = QSocketNotifier(voidptr(self._reader.fileno()), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)

    def _woken(self) -> None:
        # Each byte is the number of a signal.
        self.last = self._reader.recv(64)[-1]
        self._quit()

    def close(self) -> None:
        """Restore the signal handlers."""
        self._notifier.setEnabled(False)
        for each, handler in self._old.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(self._old_fd)
        self._reader.close()
        self._writer.close()
