"""``/dev/xen/gntdev`` and ``/dev/xen/gntalloc`` of a fake host."""

import ctypes
import errno
import mmap
import os
import stat
import threading
from collections.abc import Callable, Sequence

from tests.xen.pages import PAGE, GrantTable, Run

MOST_REFS = 65536
"""The kernel's limit of one call (the parameter ``limit`` of xen-gntdev)."""

_MAP_FIXED = 0x10
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


class FakeMapping:
    """Pages of memfds, one after the other in memory. Releasing them while a view is left raises BufferError."""

    def __init__(self, runs: Sequence[Run], writable: bool, released: Callable[["FakeMapping"], None]) -> None:
        """Closes the fds of the runs."""
        self.pages = sum(each.count for each in runs)
        self._released: Callable[[FakeMapping], None] | None = released
        self._map = mmap.mmap(-1, self.pages * PAGE)
        first = ctypes.addressof(ctypes.c_ubyte.from_buffer(self._map))
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        at = first
        for run in runs:
            length = run.count * PAGE
            flags = mmap.MAP_SHARED | _MAP_FIXED
            got = _libc.mmap(at, length, protection, flags, run.fd, run.index * PAGE)
            os.close(run.fd)
            assert got == at, os.strerror(ctypes.get_errno())
            at += length
        whole = memoryview(self._map)
        self._memory = whole if writable else whole.toreadonly()

    @property
    def memory(self) -> memoryview:
        return self._memory

    def release(self) -> None:
        released, self._released = self._released, None
        if released is not None:
            self._memory.release()
            self._map.close()
            released(self)


class FakeExport:
    """A dma-buf of references: here a duplicate of the granter's memfd."""

    def __init__(self, fd: int, released: Callable[["FakeExport"], None]) -> None:
        self._fd = fd
        self._released: Callable[[FakeExport], None] | None = released
        self.held = False
        """Something else holds the dma-buf: its release says so."""

    @property
    def fd(self) -> int:
        return self._fd

    def release(self, wait_ms: int = 0) -> bool:
        released, self._released = self._released, None
        if released is not None:
            os.close(self._fd)
            self._fd = -1
            released(self)
        return not self.held


class FakeGrants:
    """The grants as domain ``domid`` sees them.

    ``export_error`` and ``import_error`` are what the dma-buf calls answer; 0: they work. Debian's kernel answers
    ENOTTY, a kernel with the option on x86 EINVAL for the export.
    """

    def __init__(self, table: GrantTable, domid: int = 0) -> None:
        self._table = table
        self._domid = domid
        self._lock = threading.Lock()
        self._mapped: set[FakeMapping] = set()
        self._exported: set[FakeExport] = set()
        self._granted: dict[int, tuple[int, ...]] = {}
        self._closed = False
        self.export_error = errno.ENOTTY
        self.import_error = 0
        self.maps = 0
        """So many maps were made."""

    @property
    def mapped_pages(self) -> int:
        """What is mapped now."""
        with self._lock:
            return sum(each.pages for each in self._mapped)

    @property
    def exported(self) -> int:
        """The exports that are not released."""
        with self._lock:
            return len(self._exported)

    @property
    def granted_buffers(self) -> int:
        """The dma-bufs that are granted to a domain now."""
        with self._lock:
            return len(self._granted)

    def map(self, domid: int, refs: Sequence[int], *, writable: bool = False) -> FakeMapping:
        self._check(refs)
        runs = self._table.runs(domid, refs, self._domid, writable=writable)
        mapping = FakeMapping(runs, writable, self._unmapped)
        with self._lock:
            self._mapped.add(mapping)
            self.maps += 1
        return mapping

    def _unmapped(self, mapping: FakeMapping) -> None:
        with self._lock:
            self._mapped.discard(mapping)

    def export(self, domid: int, refs: Sequence[int]) -> FakeExport:
        """Works for references that are one memfd from its first page on."""
        self._check(refs)
        if self.export_error:
            raise OSError(self.export_error, os.strerror(self.export_error))
        runs = self._table.runs(domid, refs, self._domid, writable=False)
        if len(runs) != 1 or runs[0].index or os.fstat(runs[0].fd).st_size != len(refs) * PAGE:
            for each in runs:
                os.close(each.fd)
            raise OSError(errno.EINVAL, "not one buffer")
        export = FakeExport(runs[0].fd, self._unexported)
        with self._lock:
            self._exported.add(export)
        return export

    def _unexported(self, export: FakeExport) -> None:
        with self._lock:
            self._exported.discard(export)

    def grant_dmabuf(self, fd: int, pages: int, domid: int) -> tuple[int, ...]:
        self._check(range(pages))
        if self.import_error:
            raise OSError(self.import_error, os.strerror(self.import_error))
        status = os.fstat(fd)
        with self._lock:
            if not stat.S_ISREG(status.st_mode) or status.st_size != pages * PAGE or fd in self._granted:
                raise OSError(errno.EINVAL, "not this many pages")
            refs = self._table.grant(self._domid, fd, pages, domid, writable=True)
            self._granted[fd] = refs
        return refs

    def revoke_dmabuf(self, fd: int) -> None:
        self._check()
        with self._lock:
            refs = self._granted.pop(fd, None)
        if refs is None:
            raise OSError(errno.ENOENT, "not granted")
        self._table.revoke(self._domid, refs)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            mapped, exported, granted = list(self._mapped), list(self._exported), list(self._granted.values())
            self._granted.clear()
        for each in mapped:
            each.release()
        for export in exported:
            export.release()
        for refs in granted:
            self._table.revoke(self._domid, refs)

    def _check(self, refs: Sequence[int] = ()) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "gntdev is closed")
        if len(refs) > MOST_REFS:
            raise OSError(errno.EINVAL, "too many references")
