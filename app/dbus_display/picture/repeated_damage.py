"""Damage that is told again and again although no pixel changes.

QEMU's VGA draws the cell of the text cursor with every refresh, thirty times a second, and tells it each time, although
the cursor blinks four times a second (vga_draw_text() in hw/display/vga.c). A picture is not drawn for that.

No change is lost or late. The pixels are compared whenever damage is told; and as the memory is live, damage counts
also when a reader saw other pixels since, which were there between two messages (:mod:`app.planes.read_watch`).
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


class RepeatedDamage:
    """Looks at the memory whenever the same small rectangle is told. Not thread-safe."""

    def __init__(self) -> None:
        self._told: tuple[int, DamagedRect] | None = None
        self._rows: list[bytes] = []
        self._times = 0

    def changes_nothing(self, buffer: FileBuffer, plane: Plane, where: DamagedRect) -> bool:
        """Whether this damage of the plane, which lies in it, was told just before and has the same pixels still.

        If not, the caller notes it after this call.
        """
        told = (buffer.serial, where)
        self._times = self._times + 1 if told == self._told else 1
        self._told = told
        pixels = pixel_format(plane.fourcc)
        if self._times < _OFTEN or where.area > _MOST_PIXELS or pixels is None:
            if self._rows:
                self._rows = []
                buffer.watch.expect(0, 0, [])
            return False
        start = plane.offset + where.y * plane.stride + where.x * pixels.bytes_per_pixel
        rows = _read(buffer, start, plane.stride, where.width * pixels.bytes_per_pixel, where.height)
        # In this order: who reads after the look at the pixels sees these, or newer ones that will be told.
        if rows and rows == self._rows and buffer.watch.all_read_as_expected():
            return True
        self._rows = rows
        buffer.watch.expect(start, plane.stride, rows)
        return False


def _read(buffer: FileBuffer, start: int, distance: int, length: int, number: int) -> list[bytes]:
    """The rows; none if they cannot be read."""
    begin = buffer.offset + start
    try:
        # A reader of the buffer on another thread has its own copy there.
        rows = [os.pread(buffer.fileno(), length, begin + row * distance) for row in range(number)]
    except OSError:
        return []
    return rows if all(len(row) == length for row in rows) else []
