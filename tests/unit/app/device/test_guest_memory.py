"""The memory of the simulated guest."""

import errno
import os

import numpy as np
import pytest

from app.device.guest_memory import Memory
from app.sim.profile import open_simulated
from tests.conftest import open_files
from tests.unit.sim_tools import Clock, refused


def test_no_memory_is_an_error_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr("os.memfd_create", refuse)
    with pytest.raises(OSError):
        open_simulated("gvt,size=64x64", Clock())


def test_memory_knows_when_nobody_else_has_it() -> None:
    memory = Memory(8192)
    fd, export = memory.export()
    held = export.alive
    os.close(fd)
    assert (held, export.alive) == (True, False)
    export.release()
    memory.close()
    memory.close()


def test_freed_memory_cannot_be_mapped() -> None:
    """Python's mmap takes the fd -1 for anonymous memory, which would be a black picture."""
    memory = Memory(8192)
    memory.close()
    memory.close()
    with refused(errno.EBADF):
        memory.map(8192)


def test_memory_that_cannot_be_used_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while somebody keeps the error, whose traceback has the mapping; a mapping has a fd of its own."""
    before = open_files()

    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "frombuffer", refuse)
    with pytest.raises(MemoryError) as error:
        open_simulated("gvt,size=64x64", Clock())
    assert open_files() == before
    assert error.value.__traceback__ is not None


def test_memory_of_another_process_is_the_same_memory() -> None:
    memory = Memory(8192)
    other = Memory(8192, fd=os.dup(memory.fd))
    memory.data[5000] = 77
    assert other.data[5000] == 77
    fd, export = other.export()
    held = export.alive
    os.close(fd)
    assert (held, export.alive) == (True, False)
    memory.close()
    other.close()
