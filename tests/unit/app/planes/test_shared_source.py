"""One source for several consumers: opened once, closed with the last one."""

import errno
import os
import select
from collections.abc import Iterator
from contextlib import suppress

import pytest

from app.planes.frame import Frame
from app.planes.shared_source import SharedSource, SourceShare
from app.planes.status import Reason, Status


class _Source:
    tells_damage = True

    def __init__(self) -> None:
        self.frame = Frame(Status(Reason.PLANE_OFF))
        self.calls: list[str] = []
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def put(self, frame: Frame) -> None:
        self.frame = frame
        os.eventfd_write(self.fd, 1)

    def latest(self) -> Frame:
        with suppress(BlockingIOError):
            os.eventfd_read(self.fd)
        return self.frame

    def fileno(self) -> int:
        return self.fd

    def shown(self, frame: Frame, ns: int) -> None:
        self.calls.append("shown")

    def release_buffers(self) -> None:
        self.calls.append("release_buffers")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def source() -> Iterator[_Source]:
    source = _Source()
    yield source
    os.close(source.fd)


def _two(source: _Source) -> tuple[SourceShare, SourceShare]:
    shared = SharedSource(source)
    return shared.share(), shared.share()


def test_source_is_closed_with_the_last_share(source: _Source) -> None:
    tile, window = _two(source)
    window.close()
    window.close()
    assert source.calls == []
    tile.close()
    assert source.calls == ["close"]


def test_a_closed_share_polls_nothing_more_and_keeps_its_last_frame(source: _Source) -> None:
    tile, window = _two(source)
    seen = window.latest()
    window.close()
    source.frame = Frame(Status(Reason.OK))
    assert window.latest() is seen
    assert tile.latest() is source.frame
    tile.close()


def _told(share: SourceShare) -> bool:
    return bool(select.select([share.fileno()], [], [], 0)[0])


def test_every_share_is_told_of_a_new_frame_whoever_takes_it(source: _Source) -> None:
    """Each has a fd of its own, as Qt refuses a second watcher of one. Nobody polls at rest."""
    tile, window = _two(source)
    for each in (tile, window):
        assert each.tells_damage
        each.latest()
    tile.latest()
    assert len({tile.fileno(), window.fileno(), source.fd}) == 3
    assert not _told(tile) and not _told(window)
    for first, second in ((tile, window), (window, tile)):
        source.put(Frame(Status(Reason.OK)))
        assert _told(first) and _told(second)
        assert first.latest() is source.frame
        assert not _told(first)
        assert _told(second), "the source's own fd is not readable any more"
        assert second.latest() is source.frame
        assert not _told(first) and not _told(second)
    window.close()
    assert window.fileno() == -1
    source.put(Frame(Status(Reason.OK)))
    assert _told(tile)
    tile.close()


def test_share_follows_the_source_to_another_fd(source: _Source) -> None:
    """Also if that has the same number."""
    share = SharedSource(source).share()
    share.latest()
    for same in (True, False):
        before = source.fd
        made = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if same:
            os.dup2(made, before, inheritable=False)
            os.close(made)
        else:
            os.close(before)
            source.fd = made
        share.latest()
        assert not _told(share)
        source.put(Frame(Status(Reason.OK)))
        assert _told(share)
        share.latest()
    share.close()


def test_share_without_a_fd_must_be_polled(source: _Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "eventfd", fail)
    share = SharedSource(source).share()
    assert share.fileno() == -1
    assert not share.tells_damage
    assert share.latest() is source.frame
    share.close()


def test_buffers_are_kept_as_long_as_another_consumer_draws_them(source: _Source) -> None:
    tile, window = _two(source)
    window.release_buffers()
    assert source.calls == []
    window.close()
    window.release_buffers()
    assert source.calls == []
    tile.release_buffers()
    assert source.calls == ["release_buffers"]
    tile.close()


def test_the_end_is_told_once_whoever_sees_it(source: _Source) -> None:
    told: list[str] = []
    shared = SharedSource(source, lambda: told.append("gone"))
    tile, window = shared.share(), shared.share()
    tile.latest()
    assert told == []
    source.frame = Frame(Status(Reason.VM_ENDED))
    assert window.latest() is tile.latest() is source.frame
    assert told == ["gone"]
    window.close()
    tile.close()
