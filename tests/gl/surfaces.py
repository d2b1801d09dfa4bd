"""Planes with pixels in memory, and their pictures as the CPU decodes them."""

import fcntl
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
from app.planes.buffer import Buffer, DmaBuffer, MemoryBuffer
from app.planes.frame import Frame, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from gl.canvas import Canvas
from gl.context import Context
from gl.render_target import RenderTarget

Bytes = npt.NDArray[np.uint8]
OK = Status(Reason.OK)


def format_of(fourcc: int) -> PixelFormat:
    """The format of a fourcc that is in the table."""
    known = pixel_format(fourcc)
    assert known is not None
    return known


def random_rows(fourcc: int, width: int, height: int, seed: int = 0) -> Bytes:
    """Random bytes for a picture, without padding."""
    row_bytes = format_of(fourcc).row_bytes(width)
    return np.random.default_rng([seed, fourcc, width, height]).integers(0, 256, (height, row_bytes), np.uint8)


def reference(rows: Bytes, fourcc: int, width: int) -> Bytes:
    """What the rows look like, shape (height, width, 4)."""
    return decode(rows, format_of(fourcc), width)


def rounds_to_nearest(context: Context, fourcc: int) -> bool:
    """Whether a pixel of this format must come out as the nearest value of 8 bits.

    Where it lies between two values, OpenGL ES 3.0 (section 2.1.6.2) only prefers the nearest one and allows the other.
    Software Mesa takes the nearest. An NVIDIA H200 takes the lower one up to 0.546, and has 5 and 6 bits repeated to 8
    in a texture (driver 580). A channel of 8 bits does not lie between values.
    """
    known = format_of(fourcc)
    channels = [each for each in (known.red, known.green, known.blue, known.alpha) if each is not None]
    return context.software or all(each.bits in (1, 8) for each in channels)


def memfds_are_copied(context: Context) -> bool:
    """Whether the planes of a simulated device may be copied although all is well.

    It has memfds where it may not open /dev/udmabuf, and a GPU imports none.
    """
    return not context.software


def padded(rows: Bytes, stride: int) -> Bytes:
    """Rows ``stride`` bytes apart as one array. The padding bytes are 0xFF; the last row has none."""
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
    offset: int = 0,
    y_inverted: bool = False,
) -> Plane:
    """A plane as a source would report it."""
    return Plane(
        kind,
        backing,
        fourcc,
        modifier,
        width,
        height,
        stride,
        stride * height,
        *at,
        None,
        None,
        handle=1,
        offset=offset,
        y_inverted=y_inverted,
    )


class SurfaceFactory:
    """Makes surfaces and owns their buffers."""

    def __init__(self) -> None:
        self._buffers: list[DmaBuffer | MemoryBuffer] = []
        # The memory that a guest writes to, by the serial number of its buffer.
        self._writable: dict[int, mmap.mmap | bytearray] = {}

    def buffer(self, data: Bytes, flags: int = os.O_RDWR) -> DmaBuffer:
        """A memfd with ``data``, opened once more with ``flags`` if those are others."""
        return self.sparse(data, 0, flags)

    def sparse(self, data: Bytes, offset: int, flags: int = os.O_RDWR) -> DmaBuffer:
        """A memfd with ``data`` after ``offset`` bytes that take no memory."""
        fd = os.memfd_create("plane", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.pwrite(fd, data.tobytes(), offset)
        # Like a dma-buf. What may be shortened is never imported.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        if flags != os.O_RDWR:
            again = os.open(f"/proc/self/fd/{fd}", flags)
            os.close(fd)
            fd = again
        buffer = DmaBuffer(fd)
        self._buffers.append(buffer)
        return buffer

    def region(self, data: Bytes) -> MemoryBuffer:
        """A mapping with ``data`` as a region."""
        fd = os.memfd_create("region")
        os.write(fd, data.tobytes())
        buffer = MemoryBuffer(mmap.mmap(fd, data.nbytes, prot=mmap.PROT_READ))
        self._buffers.append(buffer)
        self._writable[buffer.serial] = mmap.mmap(fd, data.nbytes)
        os.close(fd)
        return buffer

    def memory(self, data: Bytes) -> MemoryBuffer:
        """Memory that a source owns, with ``data``."""
        memory = bytearray(data.tobytes())
        buffer = MemoryBuffer(memory)
        self._buffers.append(buffer)
        self._writable[buffer.serial] = memory
        return buffer

    def overwrite(self, buffer: Buffer, data: Bytes) -> None:
        """Write to the beginning of the buffer, as a guest would."""
        if buffer.dmabuf_fd is not None:
            os.pwrite(buffer.dmabuf_fd, data.tobytes(), 0)
        else:
            self._writable[buffer.serial][: data.nbytes] = data.tobytes()

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
        backing: Backing = Backing.DMABUF,
        offset: int = 0,
        y_inverted: bool = False,
    ) -> Surface:
        """A surface that shows ``rows``, the top one first, whatever the order of the rows in the buffer."""
        height, row_bytes = rows.shape
        stride = stride or row_bytes
        stored = np.ascontiguousarray(rows[::-1]) if y_inverted else rows
        if modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID):
            data = padded(stored, stride)
        else:
            data = tiling.tile(stored, modifier, format_of(fourcc).bytes_per_pixel, stride)
        data = np.concatenate([np.full(offset, 0xEE, np.uint8), data])
        plane = plane_of(
            fourcc,
            width,
            height,
            stride,
            at=at,
            modifier=modifier,
            kind=kind,
            backing=backing,
            offset=offset,
            y_inverted=y_inverted,
        )
        match backing:
            case Backing.DMABUF:
                return Surface(plane, self.buffer(data, flags))
            case Backing.REGION:
                return Surface(plane, self.region(data))
            case Backing.MEMORY:
                return Surface(plane, self.memory(data))

    def cursor(
        self,
        rgba: Bytes,
        at: tuple[int, int],
        *,
        backing: Backing = Backing.DMABUF,
        offset: int = 0,
        y_inverted: bool = False,
    ) -> Surface:
        """A cursor plane, AR24, whose colours are taken as they are."""
        height, width, _ = rgba.shape
        rows = rgba[..., [2, 1, 0, 3]].reshape(height, -1)
        return self.surface(
            rows,
            drm.DRM_FORMAT_ARGB8888,
            width,
            at=at,
            kind=PlaneKind.CURSOR,
            backing=backing,
            offset=offset,
            y_inverted=y_inverted,
        )

    def picture(
        self, rgba: Bytes, *, backing: Backing = Backing.DMABUF, offset: int = 0, y_inverted: bool = False
    ) -> Surface:
        """A primary plane, XR24."""
        height, width, _ = rgba.shape
        rows = rgba[..., [2, 1, 0, 3]].reshape(height, -1)
        return self.surface(rows, drm.DRM_FORMAT_XRGB8888, width, backing=backing, offset=offset, y_inverted=y_inverted)

    def release(self) -> None:
        """Release every buffer."""
        for each in self._buffers:
            each.release()
        for memory in self._writable.values():
            if isinstance(memory, mmap.mmap):
                memory.close()


@contextmanager
def surface_factory() -> Iterator[SurfaceFactory]:
    """A factory whose buffers are released afterwards."""
    factory = SurfaceFactory()
    try:
        yield factory
    finally:
        factory.release()


def frame(primary: Surface | None, cursor: Surface | None = None, serial: int = 0) -> Frame:
    """A frame as a source would deliver it."""
    return Frame(OK, primary, cursor, serial=serial)


def random_picture(width: int, height: int, seed: int = 0) -> Bytes:
    """Random opaque pixels, shape (height, width, 4)."""
    pixels = np.random.default_rng([seed, width, height]).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


@contextmanager
def window(context: Context, width: int, height: int) -> Iterator[tuple[RenderTarget, Canvas]]:
    """A target like a window, and the canvas to read it from, bottom row first."""
    canvas = Canvas(context, width, height)
    try:
        yield RenderTarget(width, height, canvas.framebuffer), canvas
    finally:
        canvas.release()
        context.sweep()
