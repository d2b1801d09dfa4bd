"""Limits that keep an attack from hanging the tests."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
