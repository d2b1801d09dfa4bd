"""Access to a VFIO device with fcntl and mmap only, so that tests do not depend on the program's code.

Constants and layouts are from include/uapi/linux/vfio.h, registers of drivers from samples/vfio-mdev of Linux 6.12.
"""

import ctypes
import fcntl
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint32]

SET_IOMMU = 0x3B66
GROUP_SET_CONTAINER = 0x3B68
GROUP_GET_DEVICE_FD = 0x3B6A
GET_REGION_INFO = 0x3B6C
QUERY_GFX_PLANE = 0x3B72
GET_GFX_DMABUF = 0x3B73
TYPE1V2_IOMMU = 3

PROBE, DMABUF, REGION = 1, 2, 4
PRIMARY, CURSOR = 1, 2
XR24 = 0x34325258

BAR0 = 0
MBOCHS_MMIO = 0x1000
XRES, YRES, BPP, ENABLE, VIRT_WIDTH, X_OFFSET, Y_OFFSET = 1, 2, 3, 4, 6, 8, 9
MDPY_REGION = 16

SYS_PIDFD_GETFD = 438

_PLANE = struct.Struct("=4IQ10I")
_REGION = struct.Struct("=4I2Q")


@dataclass(frozen=True)
class Plane:
    fourcc: int
    modifier: int
    width: int
    height: int
    stride: int
    size: int
    index: int


class Device:
    """A device that is opened through its group, or an open fd of one."""

    def __init__(self, fd: int, others: tuple[int, ...] = ()) -> None:
        self.fd = fd
        self._others = others
        self._dmabufs: list[int] = []

    @classmethod
    def open(cls, uuid: str) -> Self:
        group = Path(f"/sys/bus/mdev/devices/{uuid}/iommu_group").resolve().name
        fds: list[int] = []
        try:
            fds.append(os.open("/dev/vfio/vfio", os.O_RDWR | os.O_CLOEXEC))
            fds.append(os.open(f"/dev/vfio/{group}", os.O_RDWR | os.O_CLOEXEC))
            fcntl.ioctl(fds[1], GROUP_SET_CONTAINER, struct.pack("=i", fds[0]))
            fcntl.ioctl(fds[0], SET_IOMMU, TYPE1V2_IOMMU)
            # The buffer is mutable: otherwise ioctl() returns the buffer instead of the fd.
            fd = fcntl.ioctl(fds[1], GROUP_GET_DEVICE_FD, bytearray(uuid.encode() + b"\0"))
        except OSError:
            for opened in reversed(fds):
                os.close(opened)
            raise
        os.set_inheritable(fd, False)
        return cls(fd, (fds[1], fds[0]))

    def close(self) -> None:
        """Close the dma-bufs first: mbochs as shipped uses memory of the device when it releases one."""
        self.close_dmabufs()
        for fd in (self.fd, *self._others):
            if fd >= 0:
                os.close(fd)
        self.fd, self._others = -1, ()

    def close_dmabufs(self) -> None:
        for fd in self._dmabufs:
            os.close(fd)
        self._dmabufs = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, flags: int, plane: int = PRIMARY) -> Plane:
        """QUERY_GFX_PLANE; all fields except flags and type are zero."""
        buffer = bytearray(_PLANE.pack(_PLANE.size, flags, plane, *[0] * 12))
        fcntl.ioctl(self.fd, QUERY_GFX_PLANE, buffer)
        _, _, _, fourcc, modifier, width, height, stride, size, _, _, _, _, index, _ = _PLANE.unpack(buffer)
        return Plane(fourcc, modifier, width, height, stride, size, index)

    def get_dmabuf(self, dmabuf_id: int) -> int:
        """Fetch a buffer. close() closes its fd; use dup() if the fd must outlive the device."""
        fd = int(fcntl.ioctl(self.fd, GET_GFX_DMABUF, bytearray(struct.pack("=I", dmabuf_id))))
        self._dmabufs.append(fd)
        os.set_inheritable(fd, False)
        return fd

    def region(self, index: int) -> tuple[int, int]:
        """The size and the offset of a region."""
        buffer = bytearray(_REGION.pack(_REGION.size, 0, index, 0, 0, 0))
        fcntl.ioctl(self.fd, GET_REGION_INFO, buffer)
        _, _, _, _, size, offset = _REGION.unpack(buffer)
        return size, offset

    def write_memory(self, region: int, data: bytes, skip: int = 0) -> None:
        """Write through a mapping that exists only for this write: a mapping keeps the device open.

        The mapping begins at the start of the region: both drivers refuse any other offset.
        """
        with mmap.mmap(self.fd, skip + len(data), mmap.MAP_SHARED, offset=self.region(region)[1]) as memory:
            memory[skip:] = data

    def read_memory(self, region: int, size: int) -> bytes:
        start = self.region(region)[1]
        with mmap.mmap(self.fd, size, mmap.MAP_SHARED, mmap.PROT_READ, offset=start) as memory:
            return memory[:size]


def fd_of(pid: int, fd: int) -> int:
    """A duplicate of a fd of another process (pidfd_getfd(2)), closed on exec."""
    process = os.pidfd_open(pid)
    try:
        own = int(ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, process, fd, 0))
    finally:
        os.close(process)
    if own < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return own


class Mbochs(Device):
    """mbochs and mbochs_rw: a Bochs display. BAR2 has the registers of the mode, BAR0 is the memory."""

    def set_register(self, index: int, value: int) -> None:
        os.pwrite(self.fd, struct.pack("=H", value), MBOCHS_MMIO + 0x500 + 2 * index)

    def register(self, index: int) -> int:
        return int.from_bytes(os.pread(self.fd, 2, MBOCHS_MMIO + 0x500 + 2 * index), "little")

    def set_mode(self, width: int, height: int, virt_width: int = 0, x: int = 0, y: int = 0) -> None:
        self.set_register(ENABLE, 0)
        for index, value in (
            (XRES, width),
            (YRES, height),
            (BPP, 32),
            (VIRT_WIDTH, virt_width),
            (X_OFFSET, x),
            (Y_OFFSET, y),
        ):
            self.set_register(index, value)
        self.set_register(ENABLE, 1)

    def draw(self, picture: Picture, virt_width: int = 0, y: int = 0) -> None:
        """Draw a picture where a mode with this virtual width and vertical offset shows it."""
        height, width = picture.shape
        rows = np.zeros((height, max(width, virt_width)), np.uint32)
        rows[:, :width] = picture
        self.write_memory(BAR0, rows.tobytes(), y * rows.shape[1] * 4)

    def query(self) -> Plane:
        """The primary plane. With mbochs as shipped the first query of each mode fails with ENOMEM."""
        try:
            return self.ask(DMABUF)
        except OSError:
            return self.ask(DMABUF)


class Mdpy(Device):
    """mdpy: it has one mode, whose memory is region 16."""

    def draw(self, picture: Picture) -> None:
        self.write_memory(MDPY_REGION, picture.tobytes())


def random_picture(width: int, height: int, seed: int = 0) -> Picture:
    """Noise in all four bytes of a pixel. XR24 has no alpha, so the fourth byte must not be visible."""
    return np.random.default_rng(seed).integers(0, 1 << 32, (height, width), dtype=np.uint32)


def map_dmabuf(fd: int, plane: Plane) -> Picture:
    """A copy of the picture in a dma-buf, of the plane's width.

    Only whole pages can be mapped (dma_buf_mmap_internal()). The pixels in a last part of a page are zero here.
    """
    rows = np.zeros(plane.stride * plane.height // 4, np.uint32)
    size = plane.size // mmap.PAGESIZE * mmap.PAGESIZE
    with mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ) as memory:
        rows[: size // 4] = np.frombuffer(memory[:], np.uint32)[: rows.size]
    return rows.reshape(plane.height, plane.stride // 4)[:, : plane.width].copy()
