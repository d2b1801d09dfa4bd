"""Waiting for fds with nanoseconds."""

import errno
import os
import time

import pytest

from ui import fd_wait
from ui.fd_wait import FdWait, due_ns

_MS = 1_000_000


def test_wait_ends_at_its_time_or_when_a_fd_is_readable() -> None:
    reader, writer = os.pipe()
    try:
        with FdWait() as waiting:
            until = time.monotonic_ns() + _MS // 5
            waiting.wait((reader, -1), until)
            assert time.monotonic_ns() >= until
            # A time that is over, and a fd that is readable.
            waiting.wait((reader,), 0)
            os.write(writer, b"1")
            waiting.wait((reader, -1), time.monotonic_ns() + 3_600_000 * _MS)
            waiting.wait((reader,), None)
        waiting.close()
    finally:
        os.close(reader)
        os.close(writer)


def test_wait_without_a_fd_left_takes_at_least_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(fd_wait, "timerfd_create", fail)
    with FdWait() as waiting:
        until = time.monotonic_ns() + _MS // 2
        waiting.wait((), until)
        assert time.monotonic_ns() >= until


def test_first_time_is_waited_for() -> None:
    now = time.monotonic_ns()
    assert due_ns(None, now + 5, now + 3) == now + 3
    assert due_ns(3_600_000 * _MS, now) == now
    assert due_ns(0, now + 3_600_000 * _MS) < now + 3_600_000 * _MS
