"""Helpers for tests of simulated devices: a clock, raw requests, and the pixels that a query leads to."""

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.device.info import region_info
from app.device.seam import Device
from app.formats.decode import Rgba, decode
from app.formats.tiling import detile
from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.dmabuf import dma_buf_info
from app.sim.driver.device import SimulatedDevice
from app.sim.guest.cursor import cursor_image
from app.sim.guest.drawing import blend
from app.sim.profile import open_simulated

DMABUF = vfio.VFIO_GFX_PLANE_TYPE_DMABUF
REGION = vfio.VFIO_GFX_PLANE_TYPE_REGION
PROBE = vfio.VFIO_GFX_PLANE_TYPE_PROBE
PRIMARY = drm.DRM_PLANE_TYPE_PRIMARY
CURSOR = drm.DRM_PLANE_TYPE_CURSOR
SECOND = 1_000_000_000


class Clock:
    """Nanoseconds that a test advances. Like a real clock, it does not start at zero."""

    def __init__(self) -> None:
        self.now = 5_000_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


@contextmanager
def simulated(spec: str) -> Iterator[tuple[SimulatedDevice, Clock]]:
    clock = Clock()
    device = open_simulated(spec, clock)
    try:
        yield device, clock
    finally:
        device.close()


class DuplicateDevice:
    """A duplicate of a device's fd: its close is not the driver's release, as the VM still has the device open."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._closed = False

    def ioctl(self, request: int, buffer: bytearray) -> int:
        return self._open_device().ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        return self._open_device().pread(length, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        return self._open_device().pwrite(data, offset)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        return self._open_device().mmap(length, offset)

    def duplicate(self) -> int:
        return self._open_device().duplicate()

    def close(self) -> None:
        self._closed = True

    def _open_device(self) -> Device:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._device


@dataclass(frozen=True)
class Answer:
    """The fields that QUERY_GFX_PLANE wrote."""

    fourcc: int
    modifier: int
    width: int
    height: int
    stride: int
    size: int
    x: int
    y: int
    hot: tuple[int, int]
    handle: int


def query(device: Device, kind: int = PRIMARY, flags: int = DMABUF, argsz: int = 64, fill: int = 0) -> Answer:
    """One query; the bytes of the struct are ``fill`` before it. Raises OSError as the driver does."""
    buffer = bytearray([fill]) * 64
    buffer[:12] = b"".join(each.to_bytes(4, "little") for each in (argsz, flags, kind))
    device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, buffer)
    fourcc, modifier, width, height, stride, size, x, y, hot_x, hot_y, handle, _ = vfio.GFX_PLANE_INFO.unpack(buffer)[
        3:
    ]
    return Answer(fourcc, modifier, width, height, stride, size, x, y, (hot_x, hot_y), handle)


def get(device: Device, dmabuf_id: int) -> int:
    """One fetch; the fd is the caller's to close."""
    return device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, bytearray(dmabuf_id.to_bytes(4, "little")))


@contextmanager
def refused(number: int) -> Iterator[None]:
    """Expects OSError with that errno."""
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno == number


def inode(fd: int) -> int:
    return dma_buf_info(fd).inode


def contents(fd: int) -> bytes:
    """The bytes of a dma-buf; it cannot be read, only mapped."""
    with mmap.mmap(fd, dma_buf_info(fd).size, prot=mmap.PROT_READ) as mapping:
        return mapping[:]


def read_pixels(device: SimulatedDevice, answer: Answer, buffer: DmaBuffer | MemoryBuffer) -> Rgba:
    """The picture in a buffer as the plane describes it: a new array, shape (height, width, 4)."""
    known = device.spec.format
    with buffer.mapping() as data:
        rows = detile(
            data,
            answer.modifier,
            known.bytes_per_pixel,
            answer.stride,
            known.row_bytes(answer.width),
            answer.height,
        )
        picture = decode(rows, known, answer.width, device.spec.matrix).copy()
        del rows
    return picture


def viewed_picture(device: SimulatedDevice) -> Rgba:
    """The picture that a viewer reads from the device now, with the cursor."""
    if device.spec.profile == "mdpy":
        answer = query(device, flags=REGION)
        info = region_info(device, answer.handle)
        region = MemoryBuffer(device.mmap(info.size, info.offset))
        try:
            return read_pixels(device, answer, region)
        finally:
            region.release()
    answer = query(device)
    buffer = DmaBuffer(get(device, answer.handle))
    try:
        picture = read_pixels(device, answer, buffer)
    finally:
        buffer.release()
    if device.spec.cursor:
        cursor = query(device, CURSOR)
        os.close(get(device, cursor.handle))
        blend(picture, cursor.x, cursor.y, cursor_image())
    return picture


def true_picture(device: SimulatedDevice) -> Rgba:
    """The correct picture now; the guest's plane must be on."""
    picture = device.picture()
    assert picture is not None
    return picture
