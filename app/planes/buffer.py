"""Buffers: the owners of the memory behind a plane, alike for dma-bufs and regions."""

import errno
import itertools
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from app.planes.dmabuf import DmaBufFacts, facts_of, sync_for_read

_serials = itertools.count(1)


class Buffer(Protocol):
    """Memory that holds a plane.

    ``serial`` is unique for the life of the process: what a texture cache is keyed by. ``released`` turns true
    once, when the owner let go; whatever was made from the buffer must then go too.
    """

    serial: int
    size: int

    @property
    def released(self) -> bool: ...

    @contextmanager
    def pixels(self) -> Iterator[memoryview]:
        """The bytes, mapped read-only and coherent while the context lasts. Raises OSError when unmappable.

        May be shorter than ``size``: not every exporter maps a partial last page.
        """
        ...


class DmaBuffer:
    """Owns the fd of one dma-buf and, once the CPU had to look, one mapping of it.

    Takes the fd over: it is closed even when construction raises OSError.
    """

    def __init__(self, fd: int) -> None:
        try:
            self.facts: DmaBufFacts = facts_of(fd)
        except OSError:
            os.close(fd)
            raise
        self.fd = fd
        self.serial = next(_serials)
        self.size = self.facts.size
        self._mapping: mmap.mmap | None = None

    @property
    def released(self) -> bool:
        return self.fd < 0

    @contextmanager
    def pixels(self) -> Iterator[memoryview]:
        if self.released:
            raise ValueError("the buffer was released")
        if self._mapping is None:
            self._mapping = _map(self.fd, self.size)
        with sync_for_read(self.fd), memoryview(self._mapping) as view:
            yield view

    def release(self) -> None:
        """Unmap and close; more calls do nothing."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            mapping.close()
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _map(fd: int, size: int) -> mmap.mmap:
    """Map a dma-buf whole or, where its last page is a partial one that the exporter refuses, without that page.

    dma_buf_mmap() (drivers/dma-buf/dma-buf.c) compares whole pages with ``size >> PAGE_SHIFT``; mbochs exports
    sizes that are no multiple of a page.
    """
    try:
        return mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    except OSError as error:
        whole = size - size % mmap.PAGESIZE
        if error.errno != errno.EINVAL or whole in (0, size):
            raise
    return mmap.mmap(fd, whole, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)


class RegionBuffer:
    """Owns the mapping of one display region of a device file."""

    def __init__(self, mapping: mmap.mmap) -> None:
        self._mapping: mmap.mmap | None = mapping
        self.serial = next(_serials)
        self.size = len(mapping)

    @property
    def released(self) -> bool:
        return self._mapping is None

    @contextmanager
    def pixels(self) -> Iterator[memoryview]:
        if self._mapping is None:
            raise ValueError("the region was released")
        with memoryview(self._mapping) as view:
            yield view

    def release(self) -> None:
        """Unmap; more calls do nothing."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            mapping.close()
