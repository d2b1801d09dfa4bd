"""A thread that a window watches and stops."""

import errno
import os
import select
from collections.abc import Iterator

import pytest

from app.errors import OpenFailed
from app.open.background_thread import BackgroundThread
from tests.unit.refused_threads import refuse_threads

_PATIENCE_S = 20.0


def _readable(fd: int, seconds: float = 0) -> bool:
    return bool(select.select([fd], [], [], seconds)[0])


@pytest.fixture
def thread() -> Iterator[BackgroundThread]:
    """It works until it is stopped."""

    def work(thread: BackgroundThread) -> None:
        assert _readable(thread.stop_fd, _PATIENCE_S)
        assert thread.stopped.is_set()
        thread.notify()

    thread = BackgroundThread("at work", work)
    thread.start()
    yield thread
    thread.stop()
    assert thread.join(_PATIENCE_S)


def test_news_are_readable_until_they_are_acknowledged(thread: BackgroundThread) -> None:
    assert not _readable(thread.fileno())
    thread.acknowledge()
    thread.notify()
    thread.notify()
    assert _readable(thread.fileno())
    thread.acknowledge()
    assert not _readable(thread.fileno())


def test_stopped_it_has_no_fd_and_its_end_is_waited_for_elsewhere(thread: BackgroundThread) -> None:
    assert not thread.join(0)
    thread.stop()
    assert thread.fileno() == -1
    thread.notify()
    thread.acknowledge()
    assert thread.join(_PATIENCE_S)
    assert thread.stop_fd == -1


@pytest.mark.parametrize("which", [1, 2])
def test_without_another_fd_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, which: int) -> None:
    eventfd, calls = os.eventfd, []

    def failing(value: int, flags: int) -> int:
        calls.append(value)
        if len(calls) == which:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return eventfd(value, flags)

    before = sorted(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "eventfd", failing)
    with pytest.raises(OpenFailed, match="Too many open files"):
        BackgroundThread("none", lambda _: None)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_without_another_thread_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    refuse_threads(monkeypatch)
    thread = BackgroundThread("none", lambda _: None)
    with pytest.raises(OpenFailed, match="can't start new thread"):
        thread.start()
    assert sorted(os.listdir("/proc/self/fd")) == before
