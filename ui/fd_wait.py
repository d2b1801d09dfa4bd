"""Waits for fds with nanoseconds. poll(2) rounds its timeout up to milliseconds in Python."""

import os
import select
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from app.abi.timerfd import timerfd_create, timerfd_settime


def due_ns(ns: int | None, *limits_ns: int) -> int:
    """When ``ns`` nanoseconds will have passed (None: never), or the first of some other times."""
    return min(limits_ns) if ns is None else min(time.monotonic_ns() + ns, *limits_ns)


class FdWait:
    """Owns a timerfd; without a fd left its times are rounded up to milliseconds. All calls come from one thread."""

    def __init__(self) -> None:
        self._timer = -1
        with suppress(OSError):
            self._timer = timerfd_create()

    def wait(self, fds: Iterable[int], until_ns: int | None) -> None:
        """Wait until a fd is readable or that time of ``time.monotonic_ns()`` has come (None: no limit).

        Negative fds are left out.
        """
        ready = select.poll()
        for fd in fds:
            if fd >= 0:
                ready.register(fd, select.POLLIN)
        timeout_ms = None
        if until_ns is not None and self._timer >= 0:
            timerfd_settime(self._timer, until_ns)
            ready.register(self._timer, select.POLLIN)
        elif until_ns is not None:
            timeout_ms = max(0.0, (until_ns - time.monotonic_ns()) / 1e6)
        ready.poll(timeout_ms)

    def close(self) -> None:
        """More calls do nothing."""
        timer, self._timer = self._timer, -1
        if timer >= 0:
            os.close(timer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
