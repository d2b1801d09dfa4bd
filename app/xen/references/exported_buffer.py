"""Granted pages that the kernel made a dma-buf of."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.planes.buffer import Strips, next_serial
from app.planes.change_log import ChangeLog
from app.planes.dmabuf import dma_buf_info
from app.planes.mapped_buffer import MappedBuffer
from app.xen.access.seam import ExportedRefs, GrantMapping

_log = logging.getLogger(__name__)
_WAIT_MS = 100


class ExportedBuffer:
    """Owns the dma-buf, and a mapping of the pages once the CPU read them.

    The dma-buf itself cannot be mapped: dmabuf_exp_ops in drivers/xen/gntdev-dmabuf.c has no mmap.
    """

    def __init__(self, exported: ExportedRefs, map_pages: Callable[[], GrantMapping]) -> None:
        """Takes ``exported`` over, also if it raises OSError. ``map_pages`` raises OSError."""
        try:
            self.info = dma_buf_info(exported.fd)
        except BaseException:
            exported.release()
            raise
        self._exported = exported
        self._map_pages = map_pages
        self._lock = threading.Lock()
        self._pages: MappedBuffer | None = None
        self._released = False
        self.serial = next_serial()
        self.size = self.info.size
        self.changes: ChangeLog | None = None

    @property
    def released(self) -> bool:
        return self._released

    @property
    def dmabuf_fd(self) -> int | None:
        return None if self._released else self._exported.fd

    @property
    def inode(self) -> int | None:
        return self.info.inode

    @property
    def exporter(self) -> str | None:
        return self.info.exporter

    @property
    def may_vanish(self) -> bool:
        return self.info.may_vanish

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        with self._mapped().mapping(start, length) as memory:
            yield memory

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        with self._mapped().strips(start, distance, length, most) as strips:
            yield strips

    def release(self) -> None:
        """Unmap, close the dma-buf, and wait a moment for the kernel to let the pages go; more calls do nothing."""
        with self._lock:
            released, self._released = self._released, True
            pages, self._pages = self._pages, None
        if released:
            return
        if pages is not None:
            pages.release()
        if not self._exported.release(_WAIT_MS):
            _log.info("something still holds the dma-buf of granted pages")

    def _mapped(self) -> MappedBuffer:
        with self._lock:
            if self._released:
                raise ValueError("the buffer was released")
            if self._pages is None:
                mapping = self._map_pages()
                self._pages = MappedBuffer(mapping.memory, mapping.release)
            return self._pages
