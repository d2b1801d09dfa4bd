"""Damage that is told again and again although no pixel changes.

QEMU's VGA draws the cell of the text cursor with every refresh, thirty times a second, and tells it each time, although
the cursor blinks four times a second (vga_draw_text() in hw/display/vga.c). A picture is not drawn for that.
"""

import os

from app.formats.fourcc import pixel_format
from app.planes.damage import DamagedRect
from app.planes.file_buffer import FileBuffer
from app.planes.plane import Plane

# To read more would cost more than it saves.
_MOST_PIXELS = 4096
# So often the same must have been told in a row before it counts as repeated.
_OFTEN = 3
# The memory is live: a reader may have seen what was there between two looks. So now and then damage counts always.
_LONGEST_NS = 1_000_000_000


class RepeatedDamage:
    """Looks at the memory whenever the same small rectangle is told. Not thread-safe."""

    def __init__(self) -> None:
        self._told: tuple[int, DamagedRect] | None = None
        self._pixels = b""
        self._times = 0
        self._counted_ns = 0

    def changes_nothing(self, buffer: FileBuffer, plane: Plane, where: DamagedRect, now_ns: int) -> bool:
        """Whether this damage of the plane, which lies in it, was told just before and has the same pixels still."""
        told = (buffer.serial, where)
        self._times = self._times + 1 if told == self._told else 1
        self._told = told
        if self._times < _OFTEN or where.area > _MOST_PIXELS:
            self._pixels = b""
            self._counted_ns = now_ns
            return False
        before, self._pixels = self._pixels, _read(buffer, plane, where)
        if self._pixels and self._pixels == before and now_ns - self._counted_ns < _LONGEST_NS:
            return True
        self._counted_ns = now_ns
        return False


def _read(buffer: FileBuffer, plane: Plane, where: DamagedRect) -> bytes:
    """The pixels of the rectangle; nothing if they cannot be read."""
    pixels = pixel_format(plane.fourcc)
    if pixels is None:
        return b""
    length = where.width * pixels.bytes_per_pixel
    start = buffer.offset + plane.offset + where.y * plane.stride + where.x * pixels.bytes_per_pixel
    try:
        # A reader of the buffer on another thread has its own copy there.
        rows = [os.pread(buffer.fileno(), length, start + row * plane.stride) for row in range(where.height)]
    except OSError:
        return b""
    return b"".join(rows)
