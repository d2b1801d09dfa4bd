"""Who owns the memory of a buffer, and what is left when it is released."""

import mmap
import os

import pytest

from app.planes.buffer import DmaBuffer, MemoryBuffer


def _memfd(data: bytes) -> int:
    fd = os.memfd_create("buffer")
    os.write(fd, data)
    return fd


def test_released_while_something_reads_it_leaves_no_fd() -> None:
    """A view that a reader kept, in a traceback for instance: the fd would keep the VM's device busy."""
    fd = _memfd(b"x" * mmap.PAGESIZE)
    buffer = DmaBuffer(fd)
    with buffer.mapping():
        pass
    assert buffer._mapping is not None
    with memoryview(buffer._mapping) as view:
        buffer.release()
        assert bytes(view[:4]) == b"xxxx"
    assert buffer.released and buffer.dmabuf_fd is None
    with pytest.raises(OSError):
        os.fstat(fd)


def test_memory_released_while_somebody_reads_it_is_released() -> None:
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    buffer = MemoryBuffer(memory)
    with buffer.mapping() as view:
        buffer.release()
        assert view[0] == 0
    assert buffer.released
    memory.close()


def test_memory_of_a_source_is_read_only_for_its_consumers() -> None:
    buffer = MemoryBuffer(bytearray(8))
    with buffer.mapping() as view, pytest.raises(TypeError):
        view[0] = 1
    assert (buffer.dmabuf_fd, buffer.inode, buffer.exporter, buffer.size) == (None, None, None, 8)
    buffer.release()
    with pytest.raises(ValueError, match="released"), buffer.mapping():
        pass
