"""``/dev/xen/gntdev``: pages that other domains granted (``drivers/xen/gntdev.c``, ``gntdev-dmabuf.c``)."""

import errno
import fcntl
import mmap
import os
import threading
from array import array
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from app.xen.abi.gntdev import (
    IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS,
    IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED,
    IOCTL_GNTDEV_DMABUF_IMP_RELEASE,
    IOCTL_GNTDEV_DMABUF_IMP_TO_REFS,
    IOCTL_GNTDEV_MAP_GRANT_REF,
    IOCTL_GNTDEV_UNMAP_GRANT_REF,
    ioctl_gntdev_dmabuf_exp_from_refs,
    ioctl_gntdev_dmabuf_exp_wait_released,
    ioctl_gntdev_dmabuf_imp_release,
    ioctl_gntdev_dmabuf_imp_to_refs,
    ioctl_gntdev_map_grant_ref,
    ioctl_gntdev_unmap_grant_ref,
)
from app.xen.abi.page import XEN_PAGE_SIZE
from app.xen.access.owned_fd import OwnedFd

MOST_PAGES = 1 << 18
"""References of one call, 1 GiB: a bound for this process. The kernel has its own (module parameter ``limit``)."""


class Ioctl(Protocol):
    """``fcntl.ioctl`` with a buffer that the kernel may change."""

    def __call__(self, fd: int, request: int, argument: bytearray, /) -> int: ...


class Gntdev:
    """Takes the fd over."""

    def __init__(self, fd: int, *, ioctl: Ioctl = fcntl.ioctl) -> None:
        self._fd = OwnedFd(fd)
        self._ioctl = ioctl
        self._lock = threading.Lock()
        self._mapped: set[_Mapping] = set()
        self._exported: set[_Exported] = set()

    def map(self, domid: int, refs: Sequence[int], *, writable: bool = False) -> "_Mapping":
        """Map these pages, all or none. Raises OSError; a wrong reference or domain is EINVAL."""
        numbers = _words(refs)
        words = array("I", bytes(8 * len(refs)))
        words[1::2] = numbers
        words[0::2] = _words((domid,)) * len(refs)
        argument = bytearray(ioctl_gntdev_map_grant_ref(count=len(refs)))
        argument[ioctl_gntdev_map_grant_ref.refs.offset :] = words.tobytes()
        access = mmap.PROT_READ | mmap.PROT_WRITE if writable else mmap.PROT_READ
        with self._fd.use() as fd:
            self._ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, argument)
            index = ioctl_gntdev_map_grant_ref.from_buffer_copy(argument).index
            try:
                pages = mmap.mmap(fd, len(refs) * XEN_PAGE_SIZE, mmap.MAP_SHARED, access, offset=index)
            except BaseException:
                with suppress(OSError):
                    self._ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, _unmap_argument(index, len(refs)))
                raise
        mapping = _Mapping(self, pages, index, len(refs))
        with self._lock:
            self._mapped.add(mapping)
        return mapping

    def export(self, domid: int, refs: Sequence[int]) -> "_Exported":
        """Make a dma-buf of these pages. Raises OSError; ENOTTY: the kernel has no such ioctl."""
        words = _words(refs)
        argument = bytearray(ioctl_gntdev_dmabuf_exp_from_refs(count=len(refs), domid=_words((domid,))[0]))
        argument[ioctl_gntdev_dmabuf_exp_from_refs.refs.offset :] = words.tobytes()
        with self._fd.use() as fd:
            self._ioctl(fd, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, argument)
        exported = _Exported(self, ioctl_gntdev_dmabuf_exp_from_refs.from_buffer_copy(argument).fd)
        with self._lock:
            self._exported.add(exported)
        return exported

    def grant_dmabuf(self, fd: int, pages: int, domid: int) -> tuple[int, ...]:
        """Grant all pages of a dma-buf, of which ``pages`` is the exact number. Returns the references.

        The driver finds the dma-buf again by this number of the fd: keep it open until :meth:`revoke_dmabuf`.
        Raises OSError; EINVAL: not that many pages.
        """
        _check_count(pages)
        head = ioctl_gntdev_dmabuf_imp_to_refs(fd=fd, count=pages, domid=domid)
        offset = ioctl_gntdev_dmabuf_imp_to_refs.refs.offset
        argument = bytearray(head)[:offset] + bytes(4 * pages)
        with self._fd.use() as own:
            self._ioctl(own, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, argument)
        return tuple(array("I", bytes(argument[offset:])))

    def revoke_dmabuf(self, fd: int) -> None:
        """Take back what was granted of this dma-buf. Raises OSError; ENOENT: nothing was."""
        argument = bytearray(ioctl_gntdev_dmabuf_imp_release(fd=fd))
        with self._fd.use() as own:
            self._ioctl(own, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, argument)

    def close(self) -> None:
        """Release all that is left. Granted dma-bufs are taken back by the kernel. May be called twice."""
        with self._lock:
            mapped, exported = tuple(self._mapped), tuple(self._exported)
        for mapping in mapped:
            mapping.release()
        for dmabuf in exported:
            dmabuf.release()
        self._fd.close()

    def unmap(self, mapping: "_Mapping", index: int, count: int) -> None:
        """For the mapping alone: forget its references."""
        with self._lock:
            self._mapped.discard(mapping)
        with suppress(OSError), self._fd.use() as fd:
            self._ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, _unmap_argument(index, count))

    def wait_released(self, exported: "_Exported", fd: int, wait_ms: int) -> bool:
        """For the exported dma-buf alone: whether the kernel has let its pages go. Waits with a fd of its own."""
        with self._lock:
            self._exported.discard(exported)
        try:
            own = self._fd.duplicate()
        except OSError:
            return True
        argument = bytearray(ioctl_gntdev_dmabuf_exp_wait_released(fd=fd, wait_to_ms=wait_ms))
        try:
            self._ioctl(own, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, argument)
        except OSError as error:
            return error.errno == errno.ENOENT
        finally:
            os.close(own)
        return True


class _Mapping:
    def __init__(self, gntdev: Gntdev, pages: mmap.mmap, index: int, count: int) -> None:
        self._gntdev = gntdev
        self._pages: mmap.mmap | None = pages
        self._memory = memoryview(pages)
        self._index = index
        self._count = count
        self._lock = threading.Lock()

    @property
    def memory(self) -> memoryview:
        return self._memory

    def release(self) -> None:
        """Unmap. If a view of the memory is left, the pages stay mapped until that view is gone."""
        with self._lock:
            pages, self._pages = self._pages, None
        if pages is None:
            return
        with suppress(BufferError):
            self._memory.release()
            pages.close()
        self._gntdev.unmap(self, self._index, self._count)


class _Exported:
    def __init__(self, gntdev: Gntdev, fd: int) -> None:
        self._gntdev = gntdev
        self._fd = fd
        self._released = False
        self._lock = threading.Lock()

    @property
    def fd(self) -> int:
        return self._fd

    def release(self, wait_ms: int = 0) -> bool:
        """Close the fd. False if something still holds the dma-buf after ``wait_ms``; True if called again."""
        with self._lock:
            released, self._released = self._released, True
        if released:
            return True
        os.close(self._fd)
        return self._gntdev.wait_released(self, self._fd, wait_ms)


def _check_count(count: int) -> None:
    if not 0 < count <= MOST_PAGES:
        raise OSError(errno.EINVAL, f"{count} pages cannot be granted at once")


def _words(numbers: Sequence[int]) -> "array[int]":
    """As u32. Raises OSError(EINVAL) for other numbers, for none, and for too many."""
    _check_count(len(numbers))
    try:
        return array("I", numbers)
    except OverflowError:
        raise OSError(errno.EINVAL, "a domain or reference is no u32") from None


def _unmap_argument(index: int, count: int) -> bytearray:
    return bytearray(ioctl_gntdev_unmap_grant_ref(index=index, count=count))
