"""Waiting for what writes into a dma-buf."""

import errno
import fcntl
import os

import pytest

from app.planes.dmabuf import sync_for_read


class Sync:
    """fcntl.ioctl that fails with these errnos first."""

    def __init__(self, *errnos: int) -> None:
        self.errnos = list(errnos)
        self.flags: list[int] = []

    def __call__(self, _fd: int, _request: int, argument: bytes) -> int:
        self.flags.append(int.from_bytes(argument, "little"))
        if self.errnos:
            code = self.errnos.pop(0)
            raise OSError(code, os.strerror(code))
        return 0


def test_a_sync_that_a_signal_interrupts_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Sync(errno.EINTR, errno.EAGAIN)
    monkeypatch.setattr(fcntl, "ioctl", sync)
    with sync_for_read(0):
        pass
    assert sync.flags == [1, 1, 1, 5]


def test_a_sync_that_never_succeeds_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Sync(*[errno.EAGAIN] * 1000)
    monkeypatch.setattr(fcntl, "ioctl", sync)
    with pytest.raises(BlockingIOError), sync_for_read(0):
        pass
    assert len(sync.flags) < 100
