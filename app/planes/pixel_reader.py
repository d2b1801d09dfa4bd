"""Reads one pixel of a plane from its buffer by the CPU: a few bytes, as they lie in memory."""

import errno

from app.formats.fourcc import fourcc_text, pixel_format
from app.formats.pixel_value import PixelValue, byte_offsets, pixel_value
from app.planes.buffer import Buffer
from app.planes.frame import Surface


def read_pixel(surface: Surface, x: int, y: int) -> PixelValue:
    """The pixel at ``x``, ``y`` from the top-left corner of a plane's image.

    Raises OSError if the CPU cannot read it. Raises ValueError for a pixel outside the image, for a format or a layout
    that is not known, and after the buffer's release.
    """
    plane = surface.plane
    format_ = pixel_format(plane.fourcc)
    if format_ is None:
        raise ValueError(f"the format {fourcc_text(plane.fourcc)} is not known")
    if not (0 <= x < plane.width and 0 <= y < plane.height):
        raise ValueError(f"({x}, {y}) is not in an image of {plane.width}x{plane.height} pixels")
    row = plane.height - 1 - y if plane.y_inverted else y
    offsets = byte_offsets(format_, plane.modifier, plane.stride, x, row)
    start = plane.offset + offsets[0]
    if offsets == tuple(range(offsets[0], offsets[0] + len(offsets))):
        raw = _read(surface.buffer, start, len(offsets))
    else:
        # A tile may hold the bytes of one pixel in two pieces.
        raw = b"".join(_read(surface.buffer, plane.offset + each, 1) for each in offsets)
    return pixel_value(raw, format_, x)


def _read(buffer: Buffer, start: int, length: int) -> bytes:
    with buffer.mapping(start, length) as memory:
        if len(memory) != length:
            raise OSError(errno.EFAULT, "the last page of the buffer is not mapped whole")
        return bytes(memory)
