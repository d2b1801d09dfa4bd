"""The signals that ask a program to stop, counted by a signal handler."""

import os
import signal
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Counts SIGINT, SIGTERM and SIGHUP until closed. ``last`` is the last one. Its fd is readable after a signal.

    With ``limit`` only so many are counted: after that the signals do what they did before, so that a program that
    waits for something else can be ended. A signal that was ignored stays so, as nohup wants it.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.count = 0
        self._limit = limit
        self.last = 0
        self._reader, self._writer = os.pipe()
        for fd in (self._reader, self._writer):
            os.set_blocking(fd, False)
        heeded = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        self._old = {each: signal.signal(each, self._handle) for each in heeded}

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self.last = number
        # A full pipe is readable already.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")
        if self.count == self._limit:
            self._restore()

    def fileno(self) -> int:
        return self._reader

    def clear(self) -> None:
        """Make the fd unreadable until the next signal; ``count`` stays."""
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)

    def close(self) -> None:
        """Restore the signal handlers; more calls do nothing."""
        if self._reader < 0:
            return
        self._restore()
        os.close(self._reader)
        os.close(self._writer)
        self._reader = self._writer = -1

    def _restore(self) -> None:
        old, self._old = self._old, {}
        for each, handler in old.items():
            signal.signal(each, handler)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
