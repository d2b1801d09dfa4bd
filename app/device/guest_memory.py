"""The memory of a guest that is simulated or replayed, and its exports, the fds by which user space reads it.

If ``/dev/udmabuf`` works, exports are dma-bufs, otherwise memfds. Both show the guest's changes at once. All memfds are
sealed against shrinking and growing, so that an access to a mapping cannot fault.
"""

import errno
import fcntl
import mmap
import os
import signal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.abi import udmabuf

_UDMABUF = Path("/dev/udmabuf")
# Made once: closing must not need memory.
_NO_DATA: npt.NDArray[np.uint8] = np.empty(0, np.uint8)


class Export:
    """An exported file. If ``owned``, :meth:`release` closes it; otherwise its :class:`Memory` closes it."""

    def __init__(self, file: "_Memfd | _DmaBuf", *, owned: bool) -> None:
        self._file: _Memfd | _DmaBuf | None = file
        self._owned = owned

    @property
    def alive(self) -> bool:
        """Whether somebody else holds the file. A real driver knows that by its references."""
        return self._file is not None and self._file.held_outside()

    @property
    def released(self) -> bool:
        """Whether the file is not watched any more."""
        return self._file is None

    def new_fd(self) -> int:
        """Another fd of the same file, which the caller closes. The export must be alive."""
        assert self._file is not None
        return self._file.new_fd()

    def release(self) -> None:
        """Stop watching the file; more calls do nothing."""
        file, self._file = self._file, None
        if file is not None and self._owned:
            file.close()


class Memory:
    """``size`` bytes of guest memory. ``data`` is the guest's view of them.

    ``fd`` is that of the memory of another process, which this takes over; -1 makes new memory. Raises OSError.
    """

    def __init__(self, size: int, dma_bufs: bool = True, fd: int = -1) -> None:
        self.size = size
        self._dma_bufs = dma_bufs
        self._pages = _Memfd(size, fd)
        self._copies: list[tuple[_Memfd, Export]] = []
        self._first: Export | None = None
        self.data = self._pages.data

    @property
    def fd(self) -> int:
        """The memfd of the memory, -1 after :meth:`close`. Another process may make a :class:`Memory` of it."""
        return self._pages.fd

    def export(self, length: int | None = None, read_only: bool = False) -> tuple[int, Export]:
        """A new fd of the memory, which the caller closes. Raises OSError if there is no memory or fd left.

        Each export has its own inode, like a dma-buf. If an exported memfd is still held, the next export is a copy,
        which :meth:`written` keeps up to date. ``length`` limits the size. ``read_only`` prevents mapping by the CPU.
        Freed memory exports zeros, because a driver exports what is at the address now.
        """
        if length is None and not read_only and self._dma_bufs and self._pages.fd >= 0:
            dma_buf = _DmaBuf.create(self._pages)
            if dma_buf is not None:
                return dma_buf.new_fd(), Export(dma_buf, owned=True)
        flags = os.O_WRONLY if read_only else os.O_RDWR
        if length is None and self._pages.fd >= 0 and (self._first is None or not self._first.alive):
            fd = self._pages.new_fd(flags)
            # The export that nobody held any more is alive again with this fd. Another one would count it twice.
            if self._first is None or self._first.released:
                self._first = Export(self._pages, owned=False)
            return fd, self._first
        copy = _Memfd(self.size if length is None else length)
        export = Export(copy, owned=True)
        try:
            fd = copy.new_fd(flags)
        except OSError:
            export.release()
            raise
        if self._pages.fd >= 0:
            copy.data[:] = self.data[: copy.data.size]
            self._copies.append((copy, export))
        return fd, export

    def written(self) -> None:
        """The guest has drawn: update the copies, and drop those that nobody holds."""
        if not self._copies:
            return
        kept = []
        for copy, export in self._copies:
            if export.alive:
                copy.data[:] = self.data[: copy.data.size]
                kept.append((copy, export))
            else:
                export.release()
        self._copies = kept

    @property
    def exported(self) -> bool:
        """Whether somebody holds an export that needs this memory. A real dma-buf keeps its pages by itself."""
        exports = [export for _, export in self._copies]
        return any(each.alive for each in ([self._first] if self._first is not None else []) + exports)

    def map(self, length: int) -> mmap.mmap:
        """A shared read-only mapping from the start, which the caller closes. Raises OSError(EBADF) after close."""
        if self._pages.fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return mmap.mmap(self._pages.fd, length, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)

    def close(self) -> None:
        """Free the memory. Exports stay with their holders. More calls do nothing."""
        self.data = _NO_DATA
        copies, self._copies = self._copies, []
        if self._first is not None:
            self._first.release()
        for _, export in copies:
            export.release()
        self._pages.close()


class _Memfd:
    """A sealed memfd and a mapping of it. Takes ``fd`` over, also if the constructor raises; -1 makes a new file."""

    def __init__(self, size: int, fd: int = -1) -> None:
        self.size = size
        self.fd = fd
        self.data: npt.NDArray[np.uint8] = _NO_DATA
        try:
            if fd < 0:
                self.fd = _sealed_memfd(size)
                # An open of the file during a lease sends this signal. The default SIGIO would kill; SIGURG is ignored.
                fcntl.fcntl(self.fd, fcntl.F_SETSIG, signal.SIGURG)
            self.data = _mapped(self.fd, size)
        except BaseException:
            self.close()
            raise

    def new_fd(self, flags: int = os.O_RDWR) -> int:
        return os.open(f"/proc/self/fd/{self.fd}", flags | os.O_CLOEXEC)

    def held_outside(self) -> bool:
        """Whether there is another open file of it, or a mapping of one. True if the kernel does not tell.

        The kernel grants a write lease only if no other open file exists (fcntl(2), F_SETLEASE).
        """
        if self.fd < 0:
            return False
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError:
            return True
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False

    def close(self) -> None:
        # The array owns the mapping, which ends with the last view of it.
        self.data = _NO_DATA
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _sealed_memfd(size: int) -> int:
    created = os.memfd_create("mdevview-sim", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(created, size)
        fcntl.fcntl(created, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        # The kernel counts a fd from open() as a writer of the inode, but not one from memfd_create().
        # held_outside() needs that count.
        return os.open(f"/proc/self/fd/{created}", os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.close(created)


def _mapped(fd: int, size: int) -> npt.NDArray[np.uint8]:
    """An array of the file's bytes, which owns the mapping. The mapping has another fd of the file."""
    mapping = mmap.mmap(fd, size)
    try:
        return np.frombuffer(mapping, np.uint8)
    except BaseException:
        mapping.close()
        raise


class _DmaBuf:
    """A dma-buf of the pages of a memfd. It stays open here to see when nobody else holds it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._count = 0

    @classmethod
    def create(cls, pages: _Memfd) -> "_DmaBuf | None":
        """None if the kernel refuses: no udmabuf, no permission, a size over its limit or not of whole pages."""
        try:
            control = os.open(_UDMABUF, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            request = udmabuf.udmabuf_create(pages.fd, udmabuf.UDMABUF_FLAGS_CLOEXEC, 0, pages.size)
            return cls(fcntl.ioctl(control, udmabuf.UDMABUF_CREATE, bytearray(request)))
        except OSError:
            return None
        finally:
            os.close(control)

    def new_fd(self) -> int:
        fd = fcntl.fcntl(self._fd, fcntl.F_DUPFD_CLOEXEC, 0)
        if not self._count:
            self._count = self._references()
        return fd

    def held_outside(self) -> bool:
        """Whether the file has more references than ours. Imports and mappings count, too (fdinfo, "count")."""
        return self._fd >= 0 and self._references() >= self._count

    def _references(self) -> int:
        text = Path(f"/proc/self/fdinfo/{self._fd}").read_text("ascii")
        for line in text.splitlines():
            key, _, value = line.partition(":")
            if key == "count":
                return int(value)
        raise OSError(errno.ENOTSUP, "the kernel does not count references of dma-bufs")

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
