"""The device of ``mdevview bench``: its answers are made beforehand, so that what is timed is the program."""

import errno
import fcntl
import mmap
import os

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.formats import tiling
from app.planes.plane import PlaneKind

_REGION_OFFSET = 4096
_REGION_INDEX = 16
_BYTES_PER_PIXEL = 4
_CURSOR_EDGE = 64
_CURSOR_AT = (700, 300)
_CURSOR_ID = 100
_CURSOR_PLANE = PlaneKind.CURSOR.value
# The low bytes of two fields of vfio_device_gfx_plane_info: all that a query of ours sets.
_FLAGS, _PLANE_TYPE = 4, 8


class BenchDevice:
    """Implements :class:`app.device.seam.Device` for a guest that flips at every poll. Its cursor stands still.

    Each of the ``buffers`` is a memfd with ``width`` x ``height`` random pixels of XR24 in the layout ``modifier``. A
    ``region`` device has one, and no cursor. Without ``buffers`` both planes are off. Raises OSError if there is no
    memory for them.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        buffers: int = 3,
        modifier: int = drm.DRM_FORMAT_MOD_LINEAR,
        region: bool = False,
    ) -> None:
        self._region = region
        self._fds: dict[int, int] = {}
        self._primaries: list[bytes] = []
        self._cursor = b""
        self._next = 0
        try:
            for number in range(1, buffers + 1):
                stride = width * _BYTES_PER_PIXEL
                pixels = np.random.default_rng(number).integers(0, 256, (height, stride), np.uint8)
                stored = tiling.tile(pixels, modifier, _BYTES_PER_PIXEL, stride)
                handle = _REGION_INDEX if region else number
                self._fds[handle] = _memfd(stored)
                self._primaries.append(
                    _answer(drm.DRM_FORMAT_XRGB8888, modifier, (width, height), (stride, stored.size), (0, 0), handle)
                )
            if buffers and not region:
                edge = _CURSOR_EDGE
                stored = np.random.default_rng(0).integers(0, 256, edge * edge * _BYTES_PER_PIXEL, np.uint8)
                self._fds[_CURSOR_ID] = _memfd(stored)
                row = edge * _BYTES_PER_PIXEL
                layout = (row, stored.size)
                self._cursor = _answer(drm.DRM_FORMAT_ARGB8888, 0, (edge, edge), layout, _CURSOR_AT, _CURSOR_ID)
        except BaseException:
            self.close()
            raise

    def ioctl(self, request: int, buffer: bytearray) -> int:
        if request == vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            self._query(buffer)
            return 0
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            return fcntl.fcntl(self._fds[int.from_bytes(buffer[:4], "little")], fcntl.F_DUPFD_CLOEXEC, 3)
        if request == vfio.VFIO_DEVICE_GET_REGION_INFO and self._region:
            size = os.fstat(self._fds[_REGION_INDEX]).st_size
            flags = vfio.VFIO_REGION_INFO_FLAG_READ | vfio.VFIO_REGION_INFO_FLAG_MMAP
            info = vfio.vfio_region_info(len(buffer), flags, _REGION_INDEX, 0, size, _REGION_OFFSET)
            buffer[:] = bytes(info)[: len(buffer)].ljust(len(buffer), b"\0")
            return 0
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    def _query(self, buffer: bytearray) -> None:
        flags = buffer[_FLAGS]
        if flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE:
            offered = vfio.VFIO_GFX_PLANE_TYPE_REGION if self._region else vfio.VFIO_GFX_PLANE_TYPE_DMABUF
            if not flags & offered:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        elif not self._primaries:
            return
        elif buffer[_PLANE_TYPE] == _CURSOR_PLANE:
            buffer[: len(self._cursor)] = self._cursor
        else:
            answer = self._primaries[self._next]
            buffer[: len(answer)] = answer
            self._next = (self._next + 1) % len(self._primaries)

    def pread(self, length: int, offset: int) -> bytes:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def pwrite(self, data: bytes, offset: int) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        return mmap.mmap(self._fds[_REGION_INDEX], length, prot=mmap.PROT_READ)

    def duplicate(self) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def close(self) -> None:
        fds, self._fds = self._fds, {}
        for each in fds.values():
            os.close(each)


def _answer(
    fourcc: int, modifier: int, size: tuple[int, int], layout: tuple[int, int], at: tuple[int, int], handle: int
) -> bytes:
    """What a driver writes back to a query."""
    unknown = 0xFFFF_FFFF
    packed = vfio.GFX_PLANE_INFO.pack(
        vfio.GFX_PLANE_INFO.size, 0, 0, fourcc, modifier, *size, *layout, *at, unknown, unknown, handle, 0
    )
    return packed[: vfio.GFX_PLANE_INFO_MINSZ]


def _memfd(data: npt.NDArray[np.uint8]) -> int:
    fd = os.memfd_create("mdevview-bench", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, data.size)
        with mmap.mmap(fd, data.size) as memory:
            np.frombuffer(memory, np.uint8)[:] = data
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    except BaseException:
        os.close(fd)
        raise
    return fd
