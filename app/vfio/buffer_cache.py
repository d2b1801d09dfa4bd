"""The buffer cache: each dmabuf_id is fetched once, its fd kept as long as it is useful.

An id alone does not name a buffer. GVT-g recycles ids when the guest frees a framebuffer, so every hit is
checked against the layout it was fetched for; and two ids may lead to one buffer, which then is shared.
"""

from collections import OrderedDict
from enum import Enum
from typing import Protocol

from app.device.gfx_plane import get_gfx_dmabuf
from app.device.seam import Device
from app.planes.buffer import Buffer, DmaBuffer
from app.planes.plane import Plane
from app.planes.status import Reason, Status

# Triple buffering, its cursor shapes and some slack.
_CAPACITY = 16
# A driver that must not be asked twice keeps every buffer, within what a process may hold open.
_CAPACITY_FETCH_ONCE = 128


class FetchRule(Enum):
    """How often the driver may be asked for one id.

    ``ONCE``: as shipped, mbochs (samples/vfio-mdev/mbochs.c) takes no reference when it exports a buffer again,
    and a second GET corrupts kernel memory. ``NEVER``: such a driver, and another process may have asked.
    """

    FREELY = "freely"
    ONCE = "once"
    NEVER = "never"


class FetchRecord(Protocol):
    """What other processes fetched, and must know that this one did."""

    def refusal(self, dmabuf_id: int) -> Status | None:
        """Why the driver must not be asked for this buffer; None when it may."""
        ...

    def note(self, dmabuf_id: int) -> None:
        """Write down that it is about to be asked for. Raises OSError: then it must not be."""
        ...


class FetchRefused(Exception):
    """The fetch was not asked of the driver, because it might corrupt the kernel; ``status`` says why it might."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


# The dmabuf_id and what it was fetched for.
_Key = tuple[int, tuple[int, ...]]


class BufferCache:
    """Owns the dma-bufs of one device. Not thread-safe."""

    def __init__(self, device: Device, rule: FetchRule = FetchRule.FREELY, record: FetchRecord | None = None) -> None:
        self._device = device
        self._rule = rule
        self._record = record
        self._capacity = _CAPACITY if rule is FetchRule.FREELY else _CAPACITY_FETCH_ONCE
        self._entries: OrderedDict[_Key, DmaBuffer] = OrderedDict()
        self._spent: set[int] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, plane: Plane, keep: tuple[Buffer, ...] = ()) -> DmaBuffer:
        """The buffer of a plane, fetched if need be. Eviction spares it and ``keep`` (what is on screen).

        Raises OSError as the driver does, FetchRefused where asking would be dangerous.
        """
        assert plane.handle is not None
        key = (plane.handle, plane.import_key)
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
            return found
        if self._rule is FetchRule.FREELY:
            # The id was recycled. Where it names both planes at once, the other one's buffer stays.
            for old in [k for k, each in self._entries.items() if k[0] == key[0] and each not in keep]:
                self._drop(old)
        buffer = self._fetch(plane.handle)
        self._entries[key] = buffer
        self._evict(spared={id(each) for each in (*keep, buffer)})
        return buffer

    def _fetch(self, dmabuf_id: int) -> DmaBuffer:
        if self._record is not None:
            refusal = self._record.refusal(dmabuf_id)
            if refusal is not None:
                raise FetchRefused(refusal)
        if self._rule is FetchRule.NEVER:
            detail = "another process may have fetched this driver's buffers already"
            raise FetchRefused(Status(Reason.FETCHED_ELSEWHERE, detail))
        if self._rule is FetchRule.ONCE and dmabuf_id in self._spent:
            raise FetchRefused(Status(Reason.FETCHED_BEFORE, f"buffer {dmabuf_id} was fetched once already"))
        if self._record is not None:
            # Before the driver is asked: what a process that is killed meanwhile fetched must be known as well.
            self._record.note(dmabuf_id)
        fd = get_gfx_dmabuf(self._device, dmabuf_id)
        if self._rule is FetchRule.ONCE:
            self._spent.add(dmabuf_id)
        buffer = DmaBuffer(fd)
        for other in self._entries.values():
            if (other.facts.device, other.inode) == (buffer.facts.device, buffer.inode):
                buffer.release()
                return other
        return buffer

    def _evict(self, spared: set[int]) -> None:
        surplus = len(self._entries) - self._capacity
        if surplus <= 0:
            return
        # Oldest first; what is spared stays even when that leaves the cache over its capacity.
        for key in [k for k, each in self._entries.items() if id(each) not in spared][:surplus]:
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        buffer = self._entries.pop(key)
        if all(other is not buffer for other in self._entries.values()):
            buffer.release()

    def release(self) -> None:
        """Release every buffer. The cache is empty afterwards and may be used again."""
        for key in list(self._entries):
            self._drop(key)
