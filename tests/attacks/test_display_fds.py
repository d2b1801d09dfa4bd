"""The fds that a VM passes as its picture: none is waited for, mapped or kept that is not what the call says."""

import itertools
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest
from jeepney.fds import FileDescriptor

from app.planes.status import Reason
from tests.attacks.fake_display import X8R8G8B8, XR24, Attacked, attacked
from tests.attacks.limits import time_limit
from tests.conftest import open_files
from tests.qemu.peer import PeerError

_EDGE = 64
_SIZE = _EDGE * _EDGE * 4
_MAP = (0, _EDGE, _EDGE, 4 * _EDGE, X8R8G8B8)
_DMABUF = (_EDGE, _EDGE, 4 * _EDGE, XR24, 0, True)


def _memfd(size: int = _SIZE, flags: int = 0) -> int:
    fd = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | flags)
    os.ftruncate(fd, size)
    return fd


def _pipe() -> int:
    reader, writer = os.pipe()
    # A read would wait as long as somebody may write.
    _kept.append(writer)
    return reader


_kept: list[int] = []
_WRONG: dict[str, Callable[[], int]] = {
    "pipe": _pipe,
    "socket": lambda: socket.socket(socket.AF_UNIX).detach(),
    "folder": lambda: os.open("/tmp", os.O_RDONLY),
    "path": lambda: os.open("/tmp", os.O_PATH),
    "file": lambda: os.open(__file__, os.O_RDONLY),
    "device": lambda: os.open("/dev/zero", os.O_RDONLY),
    "eventfd": lambda: os.eventfd(0),
    "text of the kernel": lambda: os.open("/proc/self/fdinfo/0", os.O_RDONLY),
}


def _ask(it: Attacked, member: str, fd: int, *arguments: int) -> Reason:
    with suppress(PeerError):
        it.listener.do(member, FileDescriptor(fd), *arguments)
    return it.source.latest().status.reason


def test_other_files_are_refused_and_closed_and_nothing_waits_for_them() -> None:
    with attacked() as it, time_limit(20):
        _ask(it, "ScanoutMap", _memfd(), *_MAP)
        before = open_files()
        for make in _WRONG.values():
            assert _ask(it, "ScanoutMap", make(), *_MAP) is Reason.OK
            assert _ask(it, "ScanoutDMABUF", make(), *_DMABUF) is Reason.OK
        while _kept:
            os.close(_kept.pop())
        assert open_files() == before
        frame = it.source.latest()
        assert frame.primary is not None
        with frame.primary.buffer.mapping() as memory:
            assert len(memory) == _SIZE


@pytest.mark.parametrize(("member", "arguments"), [("ScanoutMap", _MAP), ("ScanoutDMABUF", _DMABUF)])
def test_memory_that_shrinks_while_it_is_shown_is_an_error_and_comes_back(
    member: str, arguments: tuple[int, ...]
) -> None:
    memory = _memfd()
    try:
        with attacked() as it:
            assert _ask(it, member, os.dup(memory), *arguments) is Reason.OK
            frame = it.source.latest()
            assert frame.primary is not None
            os.ftruncate(memory, 0)
            with pytest.raises(OSError), frame.primary.buffer.mapping():
                pass
            os.ftruncate(memory, _SIZE)
            with frame.primary.buffer.mapping() as pixels:
                assert pixels[0] == 0
    finally:
        os.close(memory)


def test_sizes_that_are_claims_cost_nothing() -> None:
    """A sparse file of a terabyte, and rows that end far behind it."""
    with attacked() as it, time_limit(20):
        assert _ask(it, "ScanoutMap", _memfd(1 << 40), 0xFFFF_F000, *_MAP[1:]) is Reason.OK
        assert _ask(it, "ScanoutDMABUF", _memfd(1 << 40), *_DMABUF) is Reason.OK
        frame = it.source.latest()
        assert frame.primary is not None
        with pytest.raises(OSError), frame.primary.buffer.mapping():
            pass
        for width, height, stride in ((16385, 1, 65540), (1, 0, 4), (16384, 16384, 4), (64, 64, 1 << 31)):
            with pytest.raises(PeerError):
                it.listener.do("ScanoutMap", FileDescriptor(_memfd(1 << 40)), 0, width, height, stride, X8R8G8B8)


def test_new_buffers_without_end_leave_no_fds() -> None:
    """Their calls have the serial numbers around the 10,536th, whose bytes are the text "()"."""
    with attacked() as it:
        it.listener._serials = itertools.count(0x2928 - 100)
        before = open_files()
        for turn in range(200):
            it.listener.do("ScanoutDMABUF", FileDescriptor(_memfd()), *_DMABUF)
            it.listener.do("ScanoutMap", FileDescriptor(_memfd()), *_MAP)
            it.listener.do("CursorDefine", 8, 8, 1 << 30, -1, bytes(256))
            if turn % 7 == 0:
                assert it.source.latest().status.reason is Reason.OK
        it.source.latest()
        assert (open_files() - before).total() <= 8
