"""Planes with pixels in memory, and what they should look like."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.decode import decode
from app.formats.fourcc import PixelFormat, pixel_format
from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.frame import Frame, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from gl.context import Context
from gl.target import Target
from gl.textures import Canvas

Bytes = npt.NDArray[np.uint8]
OK = Status(Reason.OK)


def known(fourcc: int) -> PixelFormat:
    """The format of a fourcc that is in the table."""
    found = pixel_format(fourcc)
    assert found is not None
    return found


def random_rows(fourcc: int, width: int, height: int, seed: int = 0) -> Bytes:
    """Random bytes for a picture, without padding."""
    row_bytes = known(fourcc).row_bytes(width)
    return np.random.default_rng([seed, fourcc, width, height]).integers(0, 256, (height, row_bytes), np.uint8)


def reference(rows: Bytes, fourcc: int, width: int) -> Bytes:
    """What the rows look like, shape (height, width, 4)."""
    return decode(rows, known(fourcc), width)


def padded(rows: Bytes, stride: int) -> Bytes:
    """Rows ``stride`` bytes apart as one array; the padding is full of ones, and the last row has none."""
    height, row_bytes = rows.shape
    result = np.full(stride * height, 0xFF, np.uint8)
    result.reshape(height, stride)[:, :row_bytes] = rows
    return result[: stride * (height - 1) + row_bytes]


def plane_of(
    fourcc: int,
    width: int,
    height: int,
    stride: int,
    *,
    at: tuple[int, int] = (0, 0),
    modifier: int = drm.DRM_FORMAT_MOD_LINEAR,
    kind: PlaneKind = PlaneKind.PRIMARY,
    backing: Backing = Backing.DMABUF,
) -> Plane:
    """A plane as a driver would report it."""
    return Plane(kind, backing, fourcc, modifier, width, height, stride, stride * height, *at, None, None, 1)


class Workshop:
    """Makes surfaces and owns their buffers."""

    def __init__(self) -> None:
        self._buffers: list[DmaBuffer | MemoryBuffer] = []

    def buffer(self, data: Bytes, flags: int = os.O_RDWR) -> DmaBuffer:
        """A memfd with ``data``, opened once more with ``flags`` if those are others."""
        fd = os.memfd_create("plane")
        os.write(fd, data.tobytes())
        if flags != os.O_RDWR:
            again = os.open(f"/proc/self/fd/{fd}", flags)
            os.close(fd)
            fd = again
        made = DmaBuffer(fd)
        self._buffers.append(made)
        return made

    def region(self, data: Bytes) -> tuple[MemoryBuffer, mmap.mmap]:
        """A mapping with ``data`` as a region, and the same memory to write to."""
        fd = os.memfd_create("region")
        os.write(fd, data.tobytes())
        writable = mmap.mmap(fd, len(data))
        made = MemoryBuffer(mmap.mmap(fd, len(data), prot=mmap.PROT_READ))
        os.close(fd)
        self._buffers.append(made)
        return made, writable

    def surface(
        self,
        rows: Bytes,
        fourcc: int,
        width: int,
        *,
        stride: int | None = None,
        at: tuple[int, int] = (0, 0),
        modifier: int = drm.DRM_FORMAT_MOD_LINEAR,
        kind: PlaneKind = PlaneKind.PRIMARY,
        flags: int = os.O_RDWR,
    ) -> Surface:
        """A surface in a memfd that shows ``rows``."""
        height, row_bytes = rows.shape
        stride = stride or row_bytes
        if modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID):
            data = padded(rows, stride)
        else:
            data = tiling.tile(rows, modifier, known(fourcc).bytes_per_pixel, stride)
        plane = plane_of(fourcc, width, height, stride, at=at, modifier=modifier, kind=kind)
        return Surface(plane, self.buffer(data, flags))

    def cursor(self, rgba: Bytes, at: tuple[int, int]) -> Surface:
        """A cursor plane, AR24, whose colours are taken as they are."""
        height, width, _ = rgba.shape
        rows = rgba[..., [2, 1, 0, 3]].reshape(height, -1)
        return self.surface(rows, drm.DRM_FORMAT_ARGB8888, width, at=at, kind=PlaneKind.CURSOR)

    def picture(self, rgba: Bytes) -> Surface:
        """A primary plane, XR24."""
        height, width, _ = rgba.shape
        rows = rgba[..., [2, 1, 0, 3]].reshape(height, -1)
        return self.surface(rows, drm.DRM_FORMAT_XRGB8888, width)

    def release(self) -> None:
        """Release every buffer."""
        for each in self._buffers:
            each.release()


@contextmanager
def workshop() -> Iterator[Workshop]:
    """A workshop that is cleared up."""
    made = Workshop()
    try:
        yield made
    finally:
        made.release()


def frame(primary: Surface | None, cursor: Surface | None = None) -> Frame:
    """A frame as the poller would deliver it."""
    return Frame(OK, primary, cursor)


def random_picture(width: int, height: int, seed: int = 0) -> Bytes:
    """Random opaque pixels, shape (height, width, 4)."""
    pixels = np.random.default_rng([seed, width, height]).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


@contextmanager
def window(context: Context, width: int, height: int) -> Iterator[tuple[Target, Canvas]]:
    """A framebuffer that is drawn into like a window, and the canvas to read it from, bottom row first."""
    canvas = Canvas(context, width, height)
    try:
        yield Target(width, height, canvas.framebuffer), canvas
    finally:
        canvas.release()
        context.sweep()
