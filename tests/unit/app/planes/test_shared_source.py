"""One source for several consumers: opened once, closed with the last one."""

import os
from collections.abc import Iterator

import pytest

from app.planes.frame import Frame
from app.planes.shared_source import SharedSource, SourceShare
from app.planes.status import Reason, Status


class _Source:
    tells_damage = True

    def __init__(self) -> None:
        self.frame = Frame(Status(Reason.PLANE_OFF))
        self.calls: list[str] = []
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)

    def latest(self) -> Frame:
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


def test_only_the_newest_share_has_the_fd_until_it_is_closed(source: _Source) -> None:
    """Qt refuses a second watcher of a fd. Without the fd a share must be polled, as it is told of nothing."""
    tile, window = _two(source)
    assert (tile.fileno(), window.fileno()) == (-1, source.fd)
    assert (tile.tells_damage, window.tells_damage) == (False, True)
    window.close()
    assert (tile.fileno(), window.fileno()) == (source.fd, -1)
    assert tile.tells_damage
    tile.close()
    assert tile.fileno() == -1


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
