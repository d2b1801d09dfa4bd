"""Timers that are files."""

import os
import select
import time

import pytest

from app.abi.timerfd import timerfd_create, timerfd_settime


def test_timer_fires_once_and_can_be_stopped() -> None:
    fd = timerfd_create()
    try:
        assert not os.get_inheritable(fd)
        timerfd_settime(fd, time.monotonic_ns())
        assert select.select([fd], [], [], 20)[0]
        assert int.from_bytes(os.read(fd, 8), "little") == 1
        timerfd_settime(fd, time.monotonic_ns() + 3_600_000_000_000)
        timerfd_settime(fd, None)
        with pytest.raises(BlockingIOError):
            os.read(fd, 8)
    finally:
        os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        timerfd_settime(fd, time.monotonic_ns())
