"""The mapping of a display region. It is kept while the plane stays in the same place of the region."""

import errno
import mmap
import sys

from app.device.info import region_info
from app.device.seam import Device
from app.planes.buffer import MemoryBuffer
from app.planes.buffer_facts import BufferFacts
from app.planes.check import bytes_needed
from app.planes.plane import Plane
from app.vfio.region_mapping import Stays, never_stays


class RegionCache:
    """Owns at most one mapping: the region of the primary plane.

    ``stays`` tells of a new mapping whether it can never vanish.
    """

    def __init__(self, device: Device, stays: Stays = never_stays) -> None:
        self._device = device
        self._stays = stays
        # The index of the mapped region and its offset in the device file.
        self._place = (-1, -1)
        self._buffer: MemoryBuffer | None = None
        self._plane: Plane | None = None
        self._hits = 0

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The mapped region, if there is one, without whether it is on the screen."""
        buffer, plane = self._buffer, self._plane
        if buffer is None or plane is None:
            return ()
        facts = BufferFacts(buffer.serial, plane, buffer.size, fetches=1, hits=self._hits)
        return (facts,)

    def get(self, plane: Plane) -> MemoryBuffer:
        """The mapped region of a plane. Raises the driver's OSError, and EIO for an impossible size or offset.

        Maps only what the plane covers, because mdpy rounds its region up to a power of two. If the region is smaller
        than the plane, all of it is mapped, and the caller detects that the plane is truncated.
        """
        assert plane.handle is not None
        needed = bytes_needed(plane)
        mapped = self._buffer
        if mapped is not None and self._place[0] == plane.handle and mapped.size >= needed:
            return self._hit(mapped, plane)
        info = region_info(self._device, plane.handle)
        pages = -(-needed // mmap.PAGESIZE) * mmap.PAGESIZE
        length = min(pages, info.size)
        if not length or info.offset > sys.maxsize - length:
            raise OSError(errno.EIO, f"region {plane.handle} is {info.size} bytes at {info.offset}")
        place = (plane.handle, info.offset)
        if mapped is not None and self._place == place and mapped.size == length:
            # It is truncated to the same size as before. The same buffer keeps the frame the same.
            return self._hit(mapped, plane)
        self.release()
        mapping = self._device.mmap(length, info.offset)
        self._buffer = MemoryBuffer(mapping, may_vanish=not self._stays(mapping))
        self._place = place
        self._plane, self._hits = plane, 0
        return self._buffer

    def _hit(self, mapped: MemoryBuffer, plane: Plane) -> MemoryBuffer:
        self._plane = plane
        self._hits += 1
        return mapped

    def release(self) -> None:
        """Unmap; more calls do nothing."""
        buffer, self._buffer = self._buffer, None
        self._plane = None
        self._place = (-1, -1)
        if buffer is not None:
            buffer.release()
