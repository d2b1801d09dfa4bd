"""What tests of simulated devices share: a clock, raw requests, and the picture that a query points to."""

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
from app.planes.dmabuf import facts_of
from app.sim.driver.device import SimulatedDevice
from app.sim.guest.canvas import blend
from app.sim.guest.pointer import pointer_image
from app.sim.open import open_simulated

DMABUF = vfio.VFIO_GFX_PLANE_TYPE_DMABUF
REGION = vfio.VFIO_GFX_PLANE_TYPE_REGION
PROBE = vfio.VFIO_GFX_PLANE_TYPE_PROBE
PRIMARY = drm.DRM_PLANE_TYPE_PRIMARY
CURSOR = drm.DRM_PLANE_TYPE_CURSOR
SECOND = 1_000_000_000


class Clock:
    """Nanoseconds that pass when told to; it does not start at zero, as a real one does not."""

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


@dataclass(frozen=True)
class Answer:
    """What QUERY_GFX_PLANE wrote."""

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
    """One query with the struct filled with ``fill`` before. Raises OSError as the driver does."""
    buffer = bytearray([fill]) * 64
    buffer[:12] = b"".join(each.to_bytes(4, "little") for each in (argsz, flags, kind))
    device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, buffer)
    fourcc, modifier, width, height, stride, size, x, y, hot_x, hot_y, handle, _ = vfio.GFX_PLANE_INFO.unpack(buffer)[
        3:
    ]
    return Answer(fourcc, modifier, width, height, stride, size, x, y, (hot_x, hot_y), handle)


def get(device: Device, dmabuf_id: int) -> int:
    """One fetch; the fd is the caller's."""
    return device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, bytearray(dmabuf_id.to_bytes(4, "little")))


@contextmanager
def refused(number: int) -> Iterator[None]:
    """Expects OSError with that errno."""
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno == number


def inode(fd: int) -> int:
    return facts_of(fd).inode


def contents(fd: int) -> bytes:
    """The bytes of a dma-buf; it cannot be read, only mapped."""
    with mmap.mmap(fd, facts_of(fd).size, prot=mmap.PROT_READ) as mapping:
        return mapping[:]


def read_pixels(device: SimulatedDevice, answer: Answer, buffer: DmaBuffer | MemoryBuffer) -> Rgba:
    """The picture in a buffer as the plane describes it: an own copy, shape (height, width, 4)."""
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


def seen(device: SimulatedDevice) -> Rgba:
    """What a viewer makes of the device now, cursor included."""
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
        blend(picture, cursor.x, cursor.y, pointer_image())
    return picture


def truth(device: SimulatedDevice) -> Rgba:
    """What the guest means to be seen now; it must be on."""
    picture = device.picture()
    assert picture is not None
    return picture
