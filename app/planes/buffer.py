"""Buffers own the memory of a plane. Dma-bufs, regions and a source's own memory have one interface."""

import errno
import itertools
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import NamedTuple, Protocol

from app.planes.change_log import ChangeLog
from app.planes.dmabuf import DmaBufInfo, dma_buf_info, sync_for_read
from app.planes.staging import Staging, vanished

_serials = itertools.count(1)


def next_serial() -> int:
    """The serial number of a new buffer."""
    return next(_serials)


class Strips(NamedTuple):
    """``number`` strips of a buffer, ``distance`` bytes apart in ``memory``, the first at its beginning."""

    memory: memoryview
    distance: int
    number: int


class Buffer(Protocol):
    """Memory that holds a plane. Consumers use these members, and never the class of a buffer.

    ``serial`` is unique in this process; a texture cache uses it as its key. ``released`` becomes true when the owner
    releases the buffer. Everything that was made from the buffer must then be released too.

    ``changes`` is what the source was told of changed pixels; None if it is not told, and any pixel may change at any
    time.
    """

    serial: int
    size: int
    changes: ChangeLog | None

    @property
    def released(self) -> bool: ...

    @property
    def dmabuf_fd(self) -> int | None:
        """The fd to import. It belongs to the buffer. None for memory that is no dma-buf, and after the release."""
        ...

    @property
    def inode(self) -> int | None:
        """The inode identifies a dma-buf: all its fds have the same one. None for other memory."""
        ...

    @property
    def exporter(self) -> str | None:
        """The driver that exported a dma-buf, empty if the kernel does not tell it. None for other memory."""
        ...

    @property
    def may_vanish(self) -> bool:
        """Whether another process can take the memory away while it is read: an access to a mapping would kill us.

        Such memory is never imported: the driver would read a mapping of its own.
        """
        ...

    def mapping(self, start: int = 0, length: int | None = None) -> AbstractContextManager[memoryview]:
        """``length`` bytes from ``start`` (None: all), read-only and coherent inside the context.

        They are in place, or a copy if the memory may vanish. They may be fewer than asked for: not every exporter
        maps a partial last page. Raises OSError if they cannot be read (EFAULT: the memory has vanished), ValueError
        after the release.
        """
        ...

    def strips(self, start: int, distance: int, length: int, most: int) -> AbstractContextManager[Strips]:
        """Strips of ``length`` bytes that begin at ``start`` and each ``distance`` bytes further, ``most`` at most.

        They are in place, or copied if the memory may vanish: these bytes only. There are fewer than ``most`` if the
        memory ends before. Raises as :meth:`mapping` does.
        """
        ...


class OtherMapping(NamedTuple):
    """Memory that has all bytes of a dma-buf from ``offset`` on, and that can be mapped where the dma-buf cannot."""

    memory: "MemoryBuffer"
    offset: int


class DmaBuffer:
    """Owns the fd of one dma-buf or memfd and, after the first read by the CPU, one mapping of it.

    A real dma-buf cannot be shortened. Its exporter gives a fault its page (udmabuf, i915, vgem, DRM's shmem helpers)
    or refuses the mapping, so it is read in place.

    Takes the fd over: also if the constructor raises OSError, the fd is closed.
    """

    def __init__(
        self,
        fd: int,
        info_of: Callable[[int], DmaBufInfo] = dma_buf_info,
        find_other: Callable[[], OtherMapping | None] = lambda: None,
        changes: ChangeLog | None = None,
    ) -> None:
        """``info_of`` tells of the fd; that of a recorded buffer tells what the recording says.

        ``find_other`` is asked for another mapping of the memory when bytes are read that this one does not reach.
        """
        try:
            self.info: DmaBufInfo = info_of(fd)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self.serial = next_serial()
        self.size = self.info.size
        self.changes = changes
        self._mapping: mmap.mmap | None = None
        self._find_other = find_other
        self._other: OtherMapping | None = None
        self._staging = Staging()

    @property
    def released(self) -> bool:
        return self._fd < 0

    @property
    def may_vanish(self) -> bool:
        return self.info.may_vanish

    @property
    def dmabuf_fd(self) -> int | None:
        return None if self.released else self._fd

    @property
    def inode(self) -> int | None:
        return self.info.inode

    @property
    def exporter(self) -> str | None:
        return self.info.exporter

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        mapped = self._mapped()
        end = self.size if length is None else min(start + length, self.size)
        other = self._other_up_to(end, len(mapped))
        with sync_for_read(self._fd), ExitStack() as stack:
            if other is None:
                yield stack.enter_context(_part(mapped, start, length, self._copier()))
            else:
                yield stack.enter_context(other.memory.mapping(other.offset + start, max(0, end - start)))

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        mapped, copier = self._mapped(), self._copier()
        with sync_for_read(self._fd), _strips(mapped, start, distance, length, most, copier) as strips:
            yield strips

    def _mapped(self) -> mmap.mmap:
        """The mapping of the dma-buf, which perhaps does not reach its end."""
        if self.released:
            raise ValueError("the buffer was released")
        if self._mapping is None:
            self._mapping = _map(self._fd, self.size)
        return self._mapping

    def _other_up_to(self, end: int, mapped: int) -> OtherMapping | None:
        """The other mapping, if bytes up to ``end`` are not in the first ``mapped`` ones; None if there is none."""
        if end <= mapped:
            return None
        if self._other is None:
            self._other = self._find_other()
        return self._other

    def _copier(self) -> Staging | None:
        """What copies memory that may vanish; None where it is read in place."""
        return self._staging if self.may_vanish else None

    def release(self) -> None:
        """Unmap and close; more calls do nothing."""
        self._staging.release()
        other, self._other = self._other, None
        if other is not None:
            other.memory.release()
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            # While a reader has a view of the mapping, it cannot be closed.
            with suppress(BufferError):
                mapping.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _map(fd: int, size: int) -> mmap.mmap:
    """Map the whole dma-buf, or all but its last page if that is a partial page which the exporter refuses to map.

    dma_buf_mmap() (drivers/dma-buf/dma-buf.c) compares whole pages with ``size >> PAGE_SHIFT``; mbochs exports
    sizes that are no multiple of a page. Raises OSError(EFAULT) if the file is shorter now.
    """
    try:
        return mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    except ValueError:
        # Python compares the length with the size of the file.
        raise vanished() from None
    except OSError as error:
        whole = size - size % mmap.PAGESIZE
        if error.errno != errno.EINVAL or whole in (0, size):
            raise
    return mmap.mmap(fd, whole, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)


@contextmanager
def _part(
    memory: mmap.mmap | bytearray | bytes, start: int, length: int | None, staging: Staging | None
) -> Iterator[memoryview]:
    """A read-only view of a part of the memory, or of a copy that ``staging`` makes of it."""
    end = None if length is None else start + length
    with memoryview(memory) as whole, whole.toreadonly() as view, view[start:end] as part:
        if staging is None:
            yield part
        else:
            with staging.copy(part) as copy:
                yield copy


@contextmanager
def _strips(
    memory: mmap.mmap | bytearray | bytes, start: int, distance: int, length: int, most: int, staging: Staging | None
) -> Iterator[Strips]:
    """Strips of the memory, or of a copy that ``staging`` makes of them alone."""
    with memoryview(memory) as whole, whole.toreadonly() as view, view[start:] as part:
        count = min(most, max(0, len(part) - length) // distance + 1) if len(part) >= length else 0
        if staging is None:
            yield Strips(part, distance, count)
        else:
            with staging.gather(part, distance, length, count) as copy:
                yield Strips(copy, length, count)


class MemoryBuffer:
    """Owns memory that the CPU reads: the mapping of a display region, or bytes that a source received.

    A mapping may vanish: vfio-pci unmaps the BARs of a device that is reset, sleeps or does not decode memory, and an
    access is then SIGBUS (drivers/vfio/pci/vfio_pci_core.c, vfio_pci_zap_and_down_write_memory_lock and
    vfio_pci_mmap_page_fault). What another driver's fault handler does is not known. So a mapping is read in place only
    if its owner says with ``may_vanish=False`` that it is known to stay (:mod:`app.vfio.region_mapping`).
    """

    dmabuf_fd = None
    inode = None
    exporter = None

    def __init__(
        self, memory: mmap.mmap | bytearray | bytes, *, may_vanish: bool = True, changes: ChangeLog | None = None
    ) -> None:
        self._memory: mmap.mmap | bytearray | bytes | None = memory
        self.serial = next_serial()
        self.size = len(memory)
        self.changes = changes
        self.may_vanish = may_vanish and isinstance(memory, mmap.mmap)
        self._staging = Staging()

    @property
    def released(self) -> bool:
        return self._memory is None

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        if self._memory is None:
            raise ValueError("the memory was released")
        with _part(self._memory, start, length, self._staging if self.may_vanish else None) as part:
            yield part

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        if self._memory is None:
            raise ValueError("the memory was released")
        copier = self._staging if self.may_vanish else None
        with _strips(self._memory, start, distance, length, most, copier) as strips:
            yield strips

    def release(self) -> None:
        """Free the memory, or unmap it if it is a mapping; more calls do nothing."""
        self._staging.release()
        memory, self._memory = self._memory, None
        if isinstance(memory, mmap.mmap):
            with suppress(BufferError):
                memory.close()
