"""The memory of a fuzzed plane: dma-bufs, all kinds of memfds, a region, and memory before a page that kills."""

import ctypes
import fcntl
import itertools
import mmap
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.device.guest_memory import Memory
from app.planes.buffer import Buffer, DmaBuffer, MemoryBuffer, Strips
from app.planes.change_log import ChangeLog
from app.planes.plane import Backing
from tests.gl.surfaces import Bytes

EXPORTERS = (
    "udmabuf",
    "sealed",
    "sealed-read-only",
    "sealed-for-writing",
    "write-only",
    "unsealed",
    "unsealed-read-only",
    "region",
    "memory",
    "guarded",
)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_serials = itertools.count(-1, -1)


class GuardedBuffer:
    """Memory that ends where a page begins that nobody may access."""

    dmabuf_fd = inode = exporter = None
    may_vanish = False

    def __init__(self, data: Bytes) -> None:
        self.serial = next(_serials)
        self.changes: ChangeLog | None = None
        self.size = data.nbytes
        pages = -(-self.size // mmap.PAGESIZE) * mmap.PAGESIZE
        self._length = pages + mmap.PAGESIZE
        self._address = _libc.mmap(
            None, self._length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0
        )
        assert self._address not in (None, ctypes.c_void_p(-1).value)
        self._start = self._address + pages - self.size
        ctypes.memmove(self._start, data.tobytes(), self.size)
        assert _libc.mprotect(self._address + pages, mmap.PAGESIZE, 0) == 0
        self.released = False

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        if self.released:
            raise ValueError("the memory was released")
        whole = memoryview((ctypes.c_ubyte * self.size).from_address(self._start)).cast("B").toreadonly()
        yield whole[start : None if length is None else start + length]

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        with self.mapping(start) as memory:
            yield Strips(memory, distance, most)

    def release(self) -> None:
        if not self.released:
            self.released = True
            assert _libc.munmap(self._address, self._length) == 0


class FuzzMemory:
    """Owns a buffer that holds ``data``. ``readable``: the CPU can read it."""

    def __init__(self, exporter: str, data: Bytes, rng: random.Random) -> None:
        self.exporter = exporter
        self.data = data
        self.backing = Backing.DMABUF
        self.readable = exporter != "write-only"
        self._fd = -1
        self._memory: Memory | None = None
        self.buffer: Buffer
        self._releasable: DmaBuffer | MemoryBuffer | GuardedBuffer
        if exporter == "guarded":
            self._releasable = GuardedBuffer(data)
            self.backing = Backing.MEMORY
        elif exporter == "memory":
            self._releasable = MemoryBuffer(data.tobytes())
            self.backing = Backing.MEMORY
        elif exporter == "region":
            self._fd = _memfd(data, 0)
            self._releasable = MemoryBuffer(mmap.mmap(self._fd, data.nbytes, prot=mmap.PROT_READ))
            self.backing = Backing.REGION
        elif exporter == "udmabuf":
            self._releasable = self._udmabuf(data)
        else:
            seals = {
                "sealed": fcntl.F_SEAL_SHRINK,
                "sealed-read-only": fcntl.F_SEAL_SHRINK,
                "sealed-for-writing": fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_WRITE,
                "write-only": fcntl.F_SEAL_SHRINK,
            }.get(exporter, 0)
            self._fd = _memfd(data, seals)
            flags = os.O_WRONLY if exporter == "write-only" else os.O_RDWR
            flags = os.O_RDONLY if exporter.endswith("read-only") else flags
            self._releasable = DmaBuffer(os.open(f"/proc/self/fd/{self._fd}", flags | os.O_CLOEXEC))
        self.buffer = self._releasable

    def _udmabuf(self, data: Bytes) -> DmaBuffer:
        """A dma-buf of whole pages if the kernel makes one, else a sealed memfd."""
        self._memory = Memory(-(-data.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE)
        self._memory.data[: data.nbytes] = data
        self._memory.data[data.nbytes :] = 0
        self.data = self._memory.data.copy()
        fd, _ = self._memory.export()
        buffer = DmaBuffer(fd)
        if not buffer.exporter:
            self.exporter = "simulated"
        return buffer

    def shorten(self, rng: random.Random) -> bool:
        """Sometimes shorten a file that nobody sealed. Whether that was done."""
        if self._fd < 0 or self.exporter not in ("unsealed", "unsealed-read-only", "region") or rng.random() < 0.5:
            return False
        os.ftruncate(self._fd, rng.randrange(self.data.nbytes))
        return True

    def release(self) -> None:
        self._releasable.release()
        if self._memory is not None:
            self._memory.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _memfd(data: Bytes, seals: int) -> int:
    fd = os.memfd_create("fuzzed", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data.tobytes())
    if seals:
        _seal(fd, seals)
    return fd


def _seal(fd: int, seals: int) -> None:
    """F_SEAL_WRITE fails while anything in the kernel holds a page of the file (mm/memfd.c, memfd_wait_for_pins)."""
    for _ in range(100):
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
            return
        time.sleep(0.01)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
