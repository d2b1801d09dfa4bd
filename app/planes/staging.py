"""Copies of memory that may vanish. The kernel makes them, so that a missing page is an error and not SIGBUS.

pwrite(2) from the mapping to a memfd of our own copies with the kernel's handling of faults: it returns fewer bytes,
then EFAULT. process_vm_readv(2) would need no file. But it refuses mappings of device memory (mm/gup.c,
check_vma_flags: VM_IO and VM_PFNMAP, which BARs are), and sandboxes often forbid it.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

MAX_BYTES = 1 << 30
"""The largest picture (see :mod:`app.planes.check`), without padding. A larger plane would take all our memory."""

# The most parts that one call of the kernel writes (UIO_MAXIOV in include/uapi/linux/uio.h).
_MAX_PARTS = 1024


class Staging:
    """Owns a memfd and its mapping, which it makes for the first copy and makes anew for a larger one."""

    def __init__(self) -> None:
        self._fd = -1
        self._mapping: mmap.mmap | None = None

    @contextmanager
    def copy(self, source: memoryview) -> Iterator[memoryview]:
        """A copy of ``source``, good inside the context.

        Raises OSError: EFAULT if a part of the source has vanished, EFBIG if it is larger than 1 GiB, and what
        memfd_create and mmap raise.
        """
        if len(source) > MAX_BYTES:
            raise too_large(len(source))
        memory = self._memory(len(source))
        done = 0
        while done < len(source):
            with source[done:] as rest:
                done += _write(self._fd, rest, done)
        with memoryview(memory) as whole, whole[: len(source)] as view:
            yield view

    @contextmanager
    def gather(self, source: memoryview, distance: int, length: int, count: int) -> Iterator[memoryview]:
        """A copy of ``count`` strips of ``length`` bytes, ``distance`` bytes apart in ``source``, one after another.

        Raises OSError as :meth:`copy` does. A thousand strips are one call of the kernel.
        """
        size = length * count
        if size > MAX_BYTES:
            raise too_large(size)
        memory = self._memory(size)
        for first in range(0, count, _MAX_PARTS):
            last = min(first + _MAX_PARTS, count)
            with ExitStack() as views:
                parts = [
                    views.enter_context(source[each * distance : each * distance + length])
                    for each in range(first, last)
                ]
                done = _write_parts(self._fd, parts, first * length)
            if done < (last - first) * length:
                raise vanished()
        with memoryview(memory) as whole, whole[:size] as view:
            yield view

    def _memory(self, size: int) -> mmap.mmap:
        mapping = self._mapping
        if mapping is None or len(mapping) < size:
            self.release()
            self._fd = os.memfd_create("mdevview-staging", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(self._fd, max(size, 1))
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            mapping = self._mapping = mmap.mmap(self._fd, max(size, 1), prot=mmap.PROT_READ)
        return mapping

    def release(self) -> None:
        """Unmap and close; more calls do nothing. A copy that is still read stays until its reader ends."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            with suppress(BufferError):
                mapping.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def vanished() -> OSError:
    """The error of a read of memory that has vanished."""
    why = "the memory has vanished: its file was shortened, or its device does not answer"
    return OSError(errno.EFAULT, why)


def too_large(size: int) -> OSError:
    """The error of a copy of so many bytes."""
    return OSError(errno.EFBIG, f"{size} bytes are more than any picture has")


def _write(fd: int, data: memoryview, offset: int) -> int:
    return _write_parts(fd, [data], offset)


def _write_parts(fd: int, parts: list[memoryview], offset: int) -> int:
    try:
        return os.pwritev(fd, parts, offset)
    except OSError as error:
        if error.errno == errno.EFAULT:
            raise vanished() from None
        raise
