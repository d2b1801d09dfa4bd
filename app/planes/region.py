"""The mapping of a display region, kept as long as the plane stays where it is."""

import errno
import mmap
import sys

from app.device.info import region_info
from app.device.seam import Device
from app.planes.buffer import RegionBuffer
from app.planes.check import bytes_needed
from app.planes.plane import Plane


class RegionCache:
    """Owns at most one mapping: that of the region the primary plane is in."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._index = -1
        self._buffer: RegionBuffer | None = None

    def get(self, plane: Plane) -> RegionBuffer:
        """The mapped region of a plane. Raises OSError as the driver does, EIO for a region that cannot be.

        Only what the plane covers is mapped: mdpy rounds its region up to a power of two. Where the region is
        smaller than that, all of it is mapped, and the caller finds the plane truncated.
        """
        needed = bytes_needed(plane)
        if self._buffer is not None and self._index == plane.handle and self._buffer.size >= needed:
            return self._buffer
        self.release()
        info = region_info(self._device, plane.handle)
        pages = -(-needed // mmap.PAGESIZE) * mmap.PAGESIZE
        length = min(pages, info.size)
        if not length or info.offset > sys.maxsize - length:
            raise OSError(errno.EIO, f"region {plane.handle} is {info.size} bytes at {info.offset}")
        self._buffer = RegionBuffer(self._device.mmap(length, info.offset))
        self._index = plane.handle
        return self._buffer

    def release(self) -> None:
        """Unmap; more calls do nothing."""
        buffer, self._buffer = self._buffer, None
        self._index = -1
        if buffer is not None:
            buffer.release()
