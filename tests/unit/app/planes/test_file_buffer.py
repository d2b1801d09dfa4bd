"""Memory in a file that another process may shorten."""

import errno
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.planes.change_log import ChangeLog
from app.planes.file_buffer import FileBuffer

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DATA = os.urandom(5 * _PAGE)


@pytest.fixture
def fd() -> int:
    made = os.memfd_create("map")
    os.write(made, _DATA)
    return made


@pytest.fixture
def buffer(fd: int) -> Iterator[FileBuffer]:
    made = FileBuffer(fd, _PAGE, 3 * _PAGE, ChangeLog())
    yield made
    made.release()


def test_reads_its_part_of_the_file(buffer: FileBuffer) -> None:
    with buffer.mapping() as view:
        assert view == _DATA[_PAGE : 4 * _PAGE]
        with pytest.raises(TypeError):
            view[0] = 1
    with buffer.mapping(10, 4 * _PAGE) as view:
        assert view == _DATA[_PAGE + 10 : 4 * _PAGE], "no byte beyond the buffer, although the file has more"
    assert (buffer.dmabuf_fd, buffer.inode, buffer.exporter, buffer.may_vanish) == (None, None, None, True)


def test_reads_the_bytes_of_now(buffer: FileBuffer, fd: int) -> None:
    with buffer.mapping(0, 4):
        pass
    os.pwrite(fd, b"new!", _PAGE)
    with buffer.mapping(0, 4) as view:
        assert bytes(view) == b"new!"


@settings(deadline=None)
@given(
    st.integers(0, 3 * _PAGE),
    st.integers(1, 2 * _PAGE) | st.integers(8192, 12000),
    st.integers(1, 99),
    st.integers(0, 9),
)
def test_strips_are_those_of_the_file(start: int, distance: int, length: int, most: int) -> None:
    made = os.memfd_create("map")
    os.write(made, _DATA)
    buffer = FileBuffer(made, _PAGE, 3 * _PAGE)
    expected = [
        _DATA[_PAGE + begin : _PAGE + begin + length]
        for begin in (start + each * distance for each in range(most))
        if begin + length <= 3 * _PAGE
    ]
    with buffer.strips(start, distance, length, most) as strips:
        found = [
            bytes(strips.memory[each * strips.distance : each * strips.distance + length])
            for each in range(strips.number)
        ]
    buffer.release()
    assert found == expected


def test_file_that_was_shortened_is_an_error_and_no_signal(buffer: FileBuffer, fd: int) -> None:
    os.ftruncate(fd, 2 * _PAGE)
    for _ in range(2):
        with pytest.raises(OSError) as raised, buffer.mapping():
            pass
        assert raised.value.errno == errno.EFAULT
    with pytest.raises(OSError) as raised, buffer.strips(0, 2 * _PAGE, 8, 2):
        pass
    assert raised.value.errno == errno.EFAULT
    with buffer.mapping(0, _PAGE) as view:
        assert view == _DATA[_PAGE : 2 * _PAGE], "what is left can be read"
    os.ftruncate(fd, 4 * _PAGE)
    with buffer.mapping(2 * _PAGE, 4) as view:
        assert view == bytes(4)


def test_released_buffer_has_closed_its_file(buffer: FileBuffer, fd: int) -> None:
    with buffer.mapping(0, 4) as view:
        buffer.release()
        assert view == _DATA[_PAGE : _PAGE + 4], "a reader keeps what it has read"
    buffer.release()
    assert buffer.released
    with pytest.raises(OSError):
        os.fstat(fd)
    with pytest.raises(ValueError, match="closed"), buffer.mapping():
        pass


def test_more_than_any_picture_has_is_refused(fd: int) -> None:
    os.ftruncate(fd, 1 << 31)
    buffer = FileBuffer(fd, 0, 1 << 31)
    with pytest.raises(OSError) as raised, buffer.mapping():
        pass
    assert raised.value.errno == errno.EFBIG
    buffer.release()


def test_pipe_is_refused_and_closed() -> None:
    """A read of it would wait."""
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(OSError) as raised:
        FileBuffer(reading, 0, 4096)
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(OSError):
        os.fstat(reading)
