"""The buffers of a guest's display: pages that the guest granted, or dma-bufs of our own that it may draw into.

Errors that the guest gets as the status of its request are OSError.
"""

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from app.formats.reading import MAX_EDGE
from app.planes.buffer import DmaBuffer
from app.planes.change_log import ChangeLog
from app.planes.mapped_buffer import MappedBuffer
from app.xen.abi.page import XEN_PAGE_SIZE
from app.xen.access.seam import GrantMapping, Grants
from app.xen.backend.directory import read_directory, write_directory
from app.xen.backend.guest_error import GuestError
from app.xen.display.requests import CreateBuffer

MOST_BUFFERS = 64
"""So many buffers of a device exist at once."""

MOST_BYTES = 512 << 20
"""Bytes of all buffers of a device: with be-alloc=1 the guest makes this host allocate them."""

_MAX_BPP = 64


class _Pages:
    """Owns a mapping of granted pages, which stays until every holder has let it go. Thread-safe."""

    def __init__(self, mapping: GrantMapping) -> None:
        self._mapping = mapping
        self._lock = threading.Lock()
        self._holders = 1

    def new_buffer(self) -> MappedBuffer:
        with self._lock:
            assert self._holders
            self._holders += 1
        return MappedBuffer(self._mapping.memory, self.let_go, ChangeLog())

    def let_go(self) -> None:
        """Called once by each holder."""
        with self._lock:
            self._holders -= 1
            is_last = not self._holders
        if is_last:
            self._mapping.release()


class _OwnMemory:
    """Owns a dma-buf that is granted to the guest. Takes the fd over, also if the constructor raises OSError."""

    def __init__(self, grants: Grants, domid: int, fd: int, pages: int) -> None:
        self._grants = grants
        self._fd = fd
        try:
            self.refs = grants.grant_dmabuf(fd, pages, domid)
        except BaseException:
            os.close(fd)
            raise

    def new_buffer(self) -> DmaBuffer:
        return DmaBuffer(os.dup(self._fd), changes=ChangeLog())

    def let_go(self) -> None:
        """The guest may go on to hold pages that it has mapped: the kernel takes them back later."""
        with suppress(OSError):
            self._grants.revoke_dmabuf(self._fd)
        os.close(self._fd)


class GuestBuffer:
    """One buffer of the guest. ``size`` is that of its memory, in bytes, of whole pages.

    ``offset`` is where its first row begins. ``stride`` is 0 if the guest did not tell how wide the buffer is.
    """

    def __init__(self, request: CreateBuffer, memory: _Pages | _OwnMemory) -> None:
        self.size = _pages_of(request) * XEN_PAGE_SIZE
        self.offset = request.offset
        self.stride = row_bytes(request.width, request.bpp)
        self.is_own = isinstance(memory, _OwnMemory)
        self._memory = memory

    def new_buffer(self) -> MappedBuffer | DmaBuffer:
        """Another buffer of this memory, for one screen: its owner releases it. Raises OSError if no fd is left."""
        return self._memory.new_buffer()

    def release(self) -> None:
        """The guest has no use for it any more. Called once. The pages stay mapped while a buffer of them is in use."""
        self._memory.let_go()


class GuestBuffers:
    """Owns the buffers of one device. Used by one thread."""

    def __init__(self, grants: Grants, domid: int, new_dmabuf: Callable[[int], int]) -> None:
        """``new_dmabuf`` makes a dma-buf of so many bytes for the guest and returns its fd; it raises OSError."""
        self._grants = grants
        self._domid = domid
        self._new_dmabuf = new_dmabuf
        self._buffers: dict[int, GuestBuffer] = {}

    @property
    def lends(self) -> bool:
        """Whether the guest has memory of ours."""
        return any(each.is_own for each in self._buffers.values())

    def create(self, request: CreateBuffer) -> GuestBuffer:
        """Map the guest's pages, or grant it pages of ours. Raises OSError, and GuestError for a bad directory."""
        _check_shape(request)
        if request.buffer in self._buffers:
            raise OSError(errno.EEXIST, "the guest has this buffer already")
        if len(self._buffers) == MOST_BUFFERS:
            raise OSError(errno.ENOMEM, f"the guest has {MOST_BUFFERS} buffers already")
        pages = _pages_of(request)
        if sum(each.size for each in self._buffers.values()) + pages * XEN_PAGE_SIZE > MOST_BYTES:
            raise OSError(errno.ENOMEM, f"the guest's buffers would have more than {MOST_BYTES >> 20} MiB")
        memory = self._own(request, pages) if request.backend_allocates else self._mapped(request, pages)
        buffer = self._buffers[request.buffer] = GuestBuffer(request, memory)
        return buffer

    def get(self, cookie: int) -> GuestBuffer:
        """Raises OSError(ENOENT)."""
        try:
            return self._buffers[cookie]
        except KeyError:
            raise OSError(errno.ENOENT, "the guest has no such buffer") from None

    def destroy(self, cookie: int) -> GuestBuffer:
        """Release the buffer, and return it. Raises OSError(ENOENT)."""
        buffer = self.get(cookie)
        del self._buffers[cookie]
        buffer.release()
        return buffer

    def release(self) -> tuple[GuestBuffer, ...]:
        """Release every buffer, and return them. More calls do nothing."""
        return tuple(self.destroy(each) for each in tuple(self._buffers))

    def _mapped(self, request: CreateBuffer, pages: int) -> _Pages:
        refs = read_directory(self._grants, self._domid, request.directory, pages)
        return _Pages(self._grants.map(self._domid, refs))

    def _own(self, request: CreateBuffer, pages: int) -> _OwnMemory:
        memory = _OwnMemory(self._grants, self._domid, self._new_dmabuf(pages * XEN_PAGE_SIZE), pages)
        try:
            write_directory(self._grants, self._domid, request.directory, memory.refs)
        except (OSError, GuestError):
            memory.let_go()
            raise
        return memory


def row_bytes(width: int, bpp: int) -> int:
    """Bytes of one row: the protocol has no stride, and Linux' dumb buffers have no padding."""
    return -(-width * bpp // 8)


def _pages_of(request: CreateBuffer) -> int:
    return -(-request.size // XEN_PAGE_SIZE)


def _check_shape(request: CreateBuffer) -> None:
    """Raises OSError(EINVAL) for a buffer that cannot be."""
    pages = _pages_of(request)
    if not 0 < request.size <= MOST_BYTES:
        raise OSError(errno.EINVAL, f"a buffer of {request.size} bytes")
    needed = 0
    if request.width or request.height or request.bpp:
        if not (1 <= request.width <= MAX_EDGE and 1 <= request.height <= MAX_EDGE and 1 <= request.bpp <= _MAX_BPP):
            raise OSError(errno.EINVAL, f"{request.width}x{request.height} pixels of {request.bpp} bits")
        needed = row_bytes(request.width, request.bpp) * request.height
    if needed > request.size or request.offset + needed > pages * XEN_PAGE_SIZE:
        raise OSError(errno.EINVAL, f"{request.size} bytes for {needed} from {request.offset} on")
