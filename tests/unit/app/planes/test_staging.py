"""Copies of memory that may vanish."""

import ctypes
import errno
import mmap
import os
from pathlib import Path

import pytest

from app.planes.staging import Staging
from tests import gate
from tests.conftest import open_files

PAGE = mmap.PAGESIZE


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_page_that_is_gone_is_an_error_wherever_it_is(left: int) -> None:
    fd = os.memfd_create("source")
    os.ftruncate(fd, 4 * PAGE)
    staging = Staging()
    with mmap.mmap(fd, 4 * PAGE, prot=mmap.PROT_READ) as memory, memoryview(memory) as source:
        os.ftruncate(fd, left * PAGE)
        with pytest.raises(OSError, match="vanished") as caught, staging.copy(source):
            pass
        assert caught.value.errno == errno.EFAULT
        with staging.copy(source[: left * PAGE]) as copy:
            assert bytes(copy) == bytes(left * PAGE)
        os.ftruncate(fd, 4 * PAGE)
        os.pwrite(fd, b"back", 3 * PAGE)
        with staging.copy(source) as copy:
            assert bytes(copy[3 * PAGE : 3 * PAGE + 4]) == b"back"
    staging.release()
    os.close(fd)


def test_device_memory_can_be_copied() -> None:
    """BARs are mapped as VM_IO and VM_PFNMAP, which process_vm_readv refuses. Each process has a mapping like that."""
    lines = [each for each in Path("/proc/self/maps").read_text("ascii").splitlines() if each.endswith("[vvar]")]
    if not lines:
        gate.unavailable("this kernel maps no [vvar]")
    start = int(lines[0].split("-")[0], 16)
    staging = Staging()
    with memoryview((ctypes.c_ubyte * PAGE).from_address(start)).cast("B") as source, staging.copy(source) as copy:
        assert len(copy) == PAGE
    staging.release()


def test_each_copy_uses_the_same_memory() -> None:
    files, staging = open_files(), Staging()
    with staging.copy(memoryview(b"x" * 2 * PAGE)):
        first = open_files() - files
    for length in (1, PAGE, 2 * PAGE):
        with staging.copy(memoryview(b"y" * length)) as copy:
            assert bytes(copy) == b"y" * length
    assert open_files() - files == first
    staging.release()
    staging.release()
    assert open_files() == files


def test_a_copy_that_is_read_stays_when_it_is_released() -> None:
    staging = Staging()
    with staging.copy(memoryview(b"abc")) as copy:
        staging.release()
        assert bytes(copy) == b"abc"
