"""A device behind the seam whose answers to display ioctls a test sets. It records what the code asks."""

import errno
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from app.abi import vfio
from app.abi.drm_fourcc import DRM_FORMAT_XRGB8888
from app.planes.plane import PlaneKind

Answer = bytes | int  # a struct, or an errno


def plane_answer(
    *,
    fourcc: int = DRM_FORMAT_XRGB8888,
    modifier: int = 0,
    width: int = 64,
    height: int = 16,
    stride: int = 256,
    size: int = 4096,
    x: int = 0,
    y: int = 0,
    hot: tuple[int, int] = (0xFFFF_FFFF, 0xFFFF_FFFF),
    handle: int = 1,
) -> bytes:
    """What a driver writes back."""
    return vfio.GFX_PLANE_INFO.pack(
        60, 2, 1, fourcc, modifier, width, height, stride, size, x & 0xFFFF_FFFF, y & 0xFFFF_FFFF, *hot, handle, 0
    )


def memfd(size: int = 4096, name: str = "scripted") -> int:
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    os.truncate(fd, size)
    return fd


@dataclass
class ScriptedDevice:
    """``primary`` and ``cursor`` are called for the answer to each query; None leaves the struct unchanged."""

    offers: int = vfio.VFIO_GFX_PLANE_TYPE_DMABUF
    primary: Callable[[], Answer | None] = lambda: None
    cursor: Callable[[], Answer | None] = lambda: None
    get: Callable[[int], int] = field(default=lambda dmabuf_id: memfd())
    asked: list[str] = field(default_factory=list)
    questions: list[bytes] = field(default_factory=list)
    closed: bool = False
    info_errno: int = errno.ENOTTY

    def ioctl(self, request: int, buffer: bytearray) -> int:
        self.check_open()
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            dmabuf_id = int.from_bytes(buffer, "little")
            self.asked.append(f"get {dmabuf_id}")
            return self.get(dmabuf_id)
        if request != vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            raise OSError(self.info_errno, "not scripted")
        self.questions.append(bytes(buffer))
        info = vfio.vfio_device_gfx_plane_info.from_buffer(buffer)
        if info.flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE:
            if info.flags & self.offers:
                return 0
            raise OSError(errno.EINVAL, "not offered")
        kind = PlaneKind(info.drm_plane_type)
        self.asked.append(kind.name.lower())
        answer = self.primary() if kind is PlaneKind.PRIMARY else self.cursor()
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer))
        if answer is not None:
            buffer[:60] = answer[:60]
        return 0

    def pread(self, length: int, offset: int) -> bytes:
        self.check_open()
        raise OSError(errno.EINVAL, "not scripted")

    def pwrite(self, data: bytes, offset: int) -> int:
        self.check_open()
        raise AssertionError("nothing may write to a device")

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        self.check_open()
        return mmap.mmap(-1, length)

    def duplicate(self) -> int:
        self.check_open()
        raise OSError(errno.EOPNOTSUPP, "not scripted")

    def close(self) -> None:
        self.closed = True

    def check_open(self) -> None:
        """Raises OSError(EBADF) once the device is closed, as every device does."""
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))


@dataclass
class ScriptedRegionDevice(ScriptedDevice):
    """Offers planes in a region; every region has the same size and offset."""

    offers: int = vfio.VFIO_GFX_PLANE_TYPE_REGION
    region_size: int = 8192
    region_offset: int = 0

    def ioctl(self, request: int, buffer: bytearray) -> int:
        if request != vfio.VFIO_DEVICE_GET_REGION_INFO:
            return super().ioctl(request, buffer)
        self.check_open()
        info = vfio.vfio_region_info.from_buffer(buffer)
        info.size, info.offset = self.region_size, self.region_offset
        return 0
