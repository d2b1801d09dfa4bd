"""The buffer cache: it fetches each dmabuf_id once, and keeps the fd while it is useful.

An id alone does not identify a buffer. GVT-g gives a free id to another framebuffer, so a cache hit must have the
layout for which the buffer was fetched. Two ids may lead to the same buffer; then they share it.

In GVT-g (drivers/gpu/drm/i915/gvt/dmabuf.c) a query takes a reference on the framebuffer's object (``initref``) if it
holds none, and only a fetch drops that reference. A buffer that was queried after its fetch would keep the reference
until the VM ends. So before the cache releases a buffer, it fetches the id once more and closes the new fd at once.
It does the same for an id whose fetch failed.
"""

import errno
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

from app.device.gfx_plane import get_gfx_dmabuf
from app.device.seam import Device
from app.errors import error_text
from app.planes.buffer import Buffer, DmaBuffer
from app.planes.dmabuf import DmaBufInfo, dma_buf_info
from app.planes.frame import Surface
from app.planes.plane import Plane
from app.planes.status import Reason, Status
from app.vfio.bochs_memory import BochsMemory

# Enough for triple buffering and some cursor shapes.
_CAPACITY = 16
# For a driver whose buffers may be fetched only once: as many as a process may reasonably hold open.
_CAPACITY_FETCH_ONCE = 128


class FetchRule(Enum):
    """How often a buffer may be fetched.

    ``ONCE``: the kernel's mbochs (samples/vfio-mdev/mbochs.c) takes no reference when it exports a buffer a second
    time, so a second fetch corrupts kernel memory. ``NEVER``: such a driver, if another process may have fetched.
    """

    FREELY = "freely"
    ONCE = "once"
    NEVER = "never"


class FetchRecord(Protocol):
    """Records the fetches of all processes that view one device."""

    def refusal(self, dmabuf_id: int) -> Status | None:
        """Why this buffer must not be fetched; None if it may be."""
        ...

    def note(self, dmabuf_id: int) -> None:
        """Record that this process is about to fetch the buffer. Raises OSError: then it must not fetch it."""
        ...


class FetchRefused(Exception):
    """A buffer was not fetched, because the fetch might corrupt the kernel. ``status`` has the reason."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


def fetch_error_text(error: OSError) -> str:
    """What a driver answered to a fetch. After EINVAL its text would mislead: no argument is wrong."""
    return "the driver answers EINVAL" if error.errno == errno.EINVAL else error_text(error)


# The dmabuf_id, and the import key of the plane for which it was fetched.
_Key = tuple[int, tuple[int, ...]]


@dataclass(slots=True)
class _Entry:
    """``plane`` is the last one that :meth:`BufferCache.get` was asked for. ``hits`` counts calls without a fetch."""

    buffer: DmaBuffer
    plane: Plane
    hits: int = 0


@dataclass(frozen=True, slots=True)
class CachedBuffer:
    """A buffer of the cache, with its last plane. ``fetches`` is the number of fetches that led to it."""

    buffer: DmaBuffer
    plane: Plane
    fetches: int
    hits: int


class BufferCache:
    """Owns the dma-bufs of one device. Not thread-safe. ``buffer_info`` tells of a fetched fd."""

    def __init__(
        self,
        device: Device,
        rule: FetchRule = FetchRule.FREELY,
        record: FetchRecord | None = None,
        buffer_info: Callable[[int], DmaBufInfo] = dma_buf_info,
    ) -> None:
        self.fetches = 0
        """How often the driver was asked for a buffer."""
        self._device = device
        self._rule = rule
        self._record = record
        self._buffer_info = buffer_info
        self._memory = BochsMemory(device)
        self._capacity = _CAPACITY if rule is FetchRule.FREELY else _CAPACITY_FETCH_ONCE
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._fetched: set[int] = set()
        # The ids of entries that were queried after their last fetch.
        self._queried: set[int] = set()
        # The ids whose last fetch failed, the oldest first. Their query also took a reference.
        self._unfetched: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def buffers(self) -> tuple[CachedBuffer, ...]:
        """Every buffer, the one that was used last at the end. Each entry of a buffer took one fetch."""
        found: dict[int, CachedBuffer] = {}
        for entry in self._entries.values():
            before = found.pop(entry.buffer.serial, None)
            fetches, hits = (before.fetches, before.hits) if before is not None else (0, 0)
            found[entry.buffer.serial] = CachedBuffer(entry.buffer, entry.plane, fetches + 1, hits + entry.hits)
        return tuple(found.values())

    def get(self, plane: Plane, keep: tuple[Buffer, ...] = ()) -> DmaBuffer:
        """The buffer of a plane that a query just returned. Fetches it if the cache does not have it.

        Eviction spares this buffer and ``keep`` (the buffers of the other plane). Raises the driver's OSError, and
        FetchRefused if the fetch would be dangerous.
        """
        assert plane.handle is not None
        key = (plane.handle, plane.import_key)
        cached = self._entries.get(key)
        if cached is not None:
            self._use(key, cached)
            cached.plane = plane
            return cached.buffer
        if self._rule is FetchRule.FREELY:
            # The id has a new layout, so its old buffer is gone. But both planes may have one id: keep the other's.
            for old in [k for k, each in self._entries.items() if k[0] == key[0] and each.buffer not in keep]:
                self._drop(old)
        buffer = self._fetch(plane, plane.handle)
        self._entries[key] = _Entry(buffer, plane)
        self._evict(spared={id(each) for each in (*keep, buffer)})
        return buffer

    def reuse(self, surface: Surface) -> bool:
        """Whether :meth:`get` would return the surface's buffer from the cache; if so, this counts as such a call."""
        plane = surface.plane
        assert plane.handle is not None
        key = (plane.handle, surface.key[1])
        entry = self._entries.get(key)
        if entry is None or entry.buffer is not surface.buffer:
            return False
        self._use(key, entry)
        return True

    def _use(self, key: _Key, entry: _Entry) -> None:
        entry.hits += 1
        self._entries.move_to_end(key)
        self._queried.add(key[0])

    def note_query(self, dmabuf_id: int) -> None:
        """After :meth:`get` returned the buffer of an id, a query returned the id again."""
        self._queried.add(dmabuf_id)

    def _fetch(self, plane: Plane, dmabuf_id: int) -> DmaBuffer:
        if self._record is not None:
            refusal = self._record.refusal(dmabuf_id)
            if refusal is not None:
                raise FetchRefused(refusal)
        if self._rule is FetchRule.NEVER:
            detail = "another process may have fetched this driver's buffers already"
            raise FetchRefused(Status(Reason.FETCHED_ELSEWHERE, detail))
        if self._rule is FetchRule.ONCE and dmabuf_id in self._fetched:
            raise FetchRefused(Status(Reason.FETCHED_BEFORE, f"buffer {dmabuf_id} was fetched once already"))
        if self._record is not None:
            # Recorded before the fetch, because this process may be killed in between.
            self._record.note(dmabuf_id)
        self.fetches += 1
        try:
            fd = get_gfx_dmabuf(self._device, dmabuf_id)
        except OSError:
            self._note_unfetched(dmabuf_id)
            raise
        self._unfetched.pop(dmabuf_id, None)
        self._queried.discard(dmabuf_id)
        if self._rule is FetchRule.ONCE:
            self._fetched.add(dmabuf_id)
        buffer = DmaBuffer(fd, self._buffer_info, partial(self._memory.mapping_of, plane))
        for other in (each.buffer for each in self._entries.values()):
            if (other.info.device, other.inode) == (buffer.info.device, buffer.inode):
                buffer.release()
                return other
        return buffer

    def _evict(self, spared: set[int]) -> None:
        surplus = len(self._entries) - self._capacity
        if surplus <= 0:
            return
        # The oldest first. The spared buffers stay even if the cache then exceeds its capacity.
        for key in [k for k, each in self._entries.items() if id(each.buffer) not in spared][:surplus]:
            self._drop_query_reference(key[0])
            self._drop(key)

    def _drop_query_reference(self, dmabuf_id: int) -> None:
        """Fetch the id once more if it was queried after its last fetch. Errors are ignored.

        The cache still holds the buffer of the id, so the driver cannot have given the id to another buffer.
        """
        if self._rule is not FetchRule.FREELY or dmabuf_id not in self._queried:
            return
        self._queried.discard(dmabuf_id)
        self._fetch_and_close(dmabuf_id)

    def _note_unfetched(self, dmabuf_id: int) -> None:
        if self._rule is not FetchRule.FREELY:
            return
        self._unfetched[dmabuf_id] = None
        self._unfetched.move_to_end(dmabuf_id)
        if len(self._unfetched) > _CAPACITY:
            self._fetch_and_close(self._unfetched.popitem(last=False)[0])

    def _fetch_and_close(self, dmabuf_id: int) -> None:
        # This is part of releasing buffers. Without memory for it, all other buffers must be released still.
        with suppress(OSError, MemoryError):
            os.close(get_gfx_dmabuf(self._device, dmabuf_id))

    def _drop(self, key: _Key) -> None:
        buffer = self._entries.pop(key).buffer
        if all(other[0] != key[0] for other in self._entries):
            self._queried.discard(key[0])
        if all(other.buffer is not buffer for other in self._entries.values()):
            buffer.release()

    def release(self) -> None:
        """Release every buffer. Afterwards the cache is empty and may be used again."""
        for key in list(self._entries):
            self._drop_query_reference(key[0])
            self._drop(key)
        while self._unfetched:
            self._fetch_and_close(self._unfetched.popitem()[0])
