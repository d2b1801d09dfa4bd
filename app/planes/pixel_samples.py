"""Whether the pixels of a buffer changed: some of its rows at each look, compared with those of an earlier look.

A polled device does not tell damage, and its guest may draw into the buffer on the screen. To draw that buffer sixty
times a second only because it might have changed costs a software renderer a fifth of a core. A look reads every
eighth row in its full width, and eight looks read every row once. So

* a change that is eight rows high, such as a text cursor or a letter, is found by the next look,
* a change of half that height by the second, of a quarter by the fourth, and
* a single pixel by the eighth at the latest.

A tiled buffer is read in pieces of 512 bytes, each of which is a part of a tile. There the last of the three lines
holds, and the first one too for Intel's X tiles, in which a piece is a part of a row.

What is kept of a row is one number of 64 bits: the sum of its words of 32 bits, each multiplied with a random number of
64 bits. Whatever changes in a row, its number stays the same with a probability of 2**-32 at most, and no guest knows
the random numbers. At 1920x1080 a look reads 1 MB. On one machine that took 0.15 ms; to keep the rows themselves took
0.16 ms and as much memory as the picture, zlib.crc32 took 0.57 ms and zlib.adler32 0.32.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.formats.fourcc import pixel_format
from app.formats.modifier import tile_of
from app.planes.buffer import Buffer, Strips
from app.planes.check import bytes_needed
from app.planes.plane import Plane

LOOKS = 8
"""So many looks see every pixel."""

# The order of the looks: the rows of the first two are four rows apart, those of the first four two rows.
_ORDER = (0, 4, 2, 6, 1, 5, 3, 7)
_PIECE = 512
_WORDS: tuple[type[np.unsignedinteger[Any]], ...] = (np.uint32, np.uint16, np.uint8)


def phase_of(look: int) -> int:
    """The first row of a look, 0 to LOOKS - 1; the others are LOOKS rows apart."""
    return _ORDER[look]


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the pixels found that began at ``seen_ns``.

    ``draw``: the last picture may lack something that this look saw. ``previous_ns`` is when the look before at
    these pixels began, if they have changed since; None if they have not, or were never looked at before. ``blind``:
    nothing can look at the pixels, so whether they change is not known.
    """

    draw: bool
    seen_ns: int
    previous_ns: int | None = None
    blind: bool = False


class PixelSamples:
    """The rows of one plane in one buffer as the last looks saw them, each as one number."""

    def __init__(self, plane: Plane) -> None:
        """``plane`` has passed :func:`app.planes.check.check_plane`."""
        format_ = pixel_format(plane.fourcc)
        assert format_ is not None
        self._start = plane.offset
        if tile_of(plane.modifier, format_.bytes_per_pixel) is None:
            self._length, self._distance, self._rows = format_.row_bytes(plane.width), plane.stride, plane.height
        else:
            self._length = self._distance = _PIECE
            self._rows = -(-(bytes_needed(plane) - plane.offset) // _PIECE)
        self._word = next(each for each in _WORDS if self._length % np.dtype(each).itemsize == 0)
        words = self._length // np.dtype(self._word).itemsize
        self._weights = np.frombuffer(os.urandom(8 * words), np.uint64)
        self._seen: list[npt.NDArray[np.uint64] | None] = [None] * LOOKS
        self._times = [0] * LOOKS
        self._next = 0

    def look(self, buffer: Buffer, now_ns: int) -> Look:
        """Look at the next rows. Raises OSError and ValueError as :meth:`Buffer.strips` does, and MemoryError."""
        index, phase = self._next, phase_of(self._next)
        most = max(0, -(-(self._rows - phase) // LOOKS))
        # Made before the memory is opened: no array may use it after that, also not in the traceback of an error.
        sums = np.empty(most, np.uint64)
        start = self._start + phase * self._distance
        with buffer.strips(start, LOOKS * self._distance, self._length, most) as strips:
            self._add_up(strips, sums[: strips.number])
            sums[strips.number :] = 0
        seen = self._seen[index]
        draw = seen is None or not np.array_equal(sums, seen)
        before, self._times[index] = self._times[index], now_ns
        self._seen[index] = sums
        self._next = (index + 1) % LOOKS
        return Look(draw, now_ns, before if draw and seen is not None else None)

    def _add_up(self, strips: Strips, sums: npt.NDArray[np.uint64]) -> None:
        shape = (strips.number, len(self._weights))
        strides = (strips.distance, np.dtype(self._word).itemsize)
        rows = np.ndarray(shape, self._word, strips.memory, 0, strides)
        np.einsum("ij,j->i", rows, self._weights, out=sums)
