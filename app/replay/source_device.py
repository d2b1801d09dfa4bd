"""A device that answers what a pushed source shows, so that a recording of it is one like any other."""

import errno
import mmap
import os
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from app.abi import drm_fourcc, vfio
from app.device.guest_memory import Memory
from app.planes.buffer import Buffer
from app.planes.frame import Frame, Surface
from app.planes.frame_source import FrameSource
from app.planes.plane import Plane
from app.planes.status import State

# Copies of buffers that are kept. A guest flips among a few; its cursor has another one for each shape.
_MOST_COPIES = 8
_UNKNOWN_HOT_SPOT = 0xFFFF_FFFF
_MASK = 0xFFFF_FFFF


@dataclass(slots=True)
class _Copy:
    """Pixels of a buffer, top row first, from the start of the memory. ``frame`` is the serial that they are of."""

    number: int
    memory: Memory
    frame: int


class SourceDevice:
    """Implements :class:`app.device.seam.Device`. Owns ``source``. Not thread-safe.

    A query of the primary plane takes the newest frame: until the next one all answers are of it. Every buffer is
    copied into memory of the device, and again when its pixels changed: no answer of a device can tell that rows are
    in another order, begin at an offset or have straight alpha. The device has no region, no EDID and no interrupts.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._frame = source.latest()
        self._closed = False
        self._copies: OrderedDict[tuple[int, ...], _Copy] = OrderedDict()
        self._number = 0

    def ioctl(self, request: int, buffer: bytearray) -> int:
        if self._closed:
            raise _error(errno.EBADF)
        if request == vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            return self._query(buffer)
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            return self._fetch(int.from_bytes(buffer[:4], "little"))
        if request == vfio.VFIO_DEVICE_GET_INFO:
            info = vfio.vfio_device_info.from_buffer(buffer)
            info.flags = info.num_regions = info.num_irqs = 0
            return 0
        raise _error(errno.EINVAL if request == vfio.VFIO_DEVICE_GET_REGION_INFO else errno.ENOTTY)

    def pread(self, _length: int, _offset: int) -> bytes:
        raise _error(errno.EBADF if self._closed else errno.EINVAL)

    def pwrite(self, _data: bytes, _offset: int) -> int:
        raise _error(errno.EBADF if self._closed else errno.EINVAL)

    def mmap(self, _length: int, _offset: int) -> mmap.mmap:
        raise _error(errno.EBADF if self._closed else errno.EINVAL)

    def duplicate(self) -> int:
        raise _error(errno.EBADF if self._closed else errno.EOPNOTSUPP)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        while self._copies:
            self._copies.popitem()[1].memory.close()
        self._source.close()

    def _query(self, buffer: bytearray) -> int:
        query = vfio.vfio_device_gfx_plane_info.from_buffer(buffer)
        if query.flags & vfio.VFIO_GFX_PLANE_TYPE_REGION:
            raise _error(errno.EINVAL)
        if query.flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE:
            return 0
        primary = query.drm_plane_type == drm_fourcc.DRM_PLANE_TYPE_PRIMARY
        if primary:
            self._frame = self._source.latest()
        if self._frame.status.state is State.GONE:
            raise _error(errno.ENODEV)
        surface = self._frame.primary if primary else self._frame.cursor
        if surface is None or surface.buffer.released:
            # As a driver whose plane is off: success, and nothing in the answer.
            return 0
        copy, plane = self._copy(surface, self._frame), surface.plane
        query.drm_format, query.drm_format_mod = plane.fourcc, plane.modifier
        query.width, query.height, query.stride = plane.width, plane.height, plane.stride
        query.size = copy.memory.size
        query.x_pos, query.y_pos = plane.x & _MASK, plane.y & _MASK
        query.x_hot = _UNKNOWN_HOT_SPOT if plane.hot_x is None else plane.hot_x
        query.y_hot = _UNKNOWN_HOT_SPOT if plane.hot_y is None else plane.hot_y
        query.handle = copy.number
        if primary:
            self._source.shown(self._frame, self._frame.timing.seen_ns if self._frame.timing is not None else 0)
        return 0

    def _fetch(self, number: int) -> int:
        for each in self._copies.values():
            if each.number == number:
                fd, _ = each.memory.export(read_only=False)
                return fd
        raise _error(errno.EINVAL)

    def _copy(self, surface: Surface, frame: Frame) -> _Copy:
        """The copy of a surface's pixels, as they are now. Raises OSError if the CPU cannot read them."""
        key, plane = surface.key[0:1] + surface.plane.import_key, surface.plane
        copy = self._copies.get(key)
        if copy is None:
            while len(self._copies) >= _MOST_COPIES:
                # What comes back has another number, as the reader may still have the old memory.
                self._copies.popitem(last=False)[1].memory.close()
            self._number += 1
            copy = self._copies[key] = _Copy(self._number, Memory(plane.stride * plane.height, dma_bufs=False), -1)
        self._copies.move_to_end(key)
        if copy.frame != frame.serial:
            told = surface is frame.primary and frame.damage == () and frame.serial == copy.frame + 1
            if not told:
                _fill(copy.memory, plane, surface.buffer)
            copy.frame = frame.serial
        return copy


def _fill(memory: Memory, plane: Plane, buffer: Buffer) -> None:
    """Copy the pixels. Raises OSError if they cannot be read."""
    target = memory.data.reshape(plane.height, plane.stride)
    try:
        with buffer.mapping(plane.offset, memory.size) as view:
            # The last row of a buffer may end with its last pixel.
            source = np.zeros(memory.size, np.uint8)
            source[: len(view)] = np.frombuffer(view, np.uint8)
    except ValueError:
        raise _error(errno.ENODEV) from None
    rows = source.reshape(plane.height, plane.stride)
    target[:] = rows[::-1] if plane.y_inverted else rows
    if plane.straight_alpha and plane.stride % 4 == 0:
        pixels = target.reshape(plane.height, -1, 4)
        pixels[..., :3] = (pixels[..., :3].astype(np.uint16) * pixels[..., 3:] + 127) // 255
    memory.written()


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
