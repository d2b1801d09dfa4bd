"""Files that never answer, and limits that keep an attack from hanging the tests."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from app.host import command_lines


class TooLong(Exception):
    """The code under attack did not end."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TooLong in the main thread after that time, also while a system call waits."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TooLong(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def never_answering(file: Path) -> Iterator[None]:
    """A file whose readers wait. They go on at the end."""
    file.unlink()
    os.mkfifo(file)
    try:
        yield
    finally:
        for each in command_lines._stuck_readers():
            os.close(os.open(file, os.O_RDWR))
            each.thread.join(30)
