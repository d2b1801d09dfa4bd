"""Whether the pixels of a buffer changed: some of its rows at each look, compared with those of an earlier look.

A polled device does not tell damage, and its guest may draw into the buffer on the screen. To draw that buffer sixty
times a second only because it might have changed costs a software renderer a fifth of a core. A look reads every
eighth row in its full width, and eight looks read every row once. The rows are compared byte for byte, not by a
checksum. So

* a change that is eight rows high, such as a text cursor or a letter, is found by the next look,
* a change of half that height by the second, of a quarter by the fourth, and
* a single pixel by the eighth at the latest.

A tiled buffer is read in pieces of 512 bytes, each of which is a part of a tile. There the last of the three lines
holds, and the first one too for Intel's X tiles, in which a piece is a part of a row.

A look at a picture of 1920x1080 reads 1 MB, which took 0.2 ms where this was written; checksums of as many bytes took
longer (zlib.crc32: 0.6 ms) and may be the same for different pixels.
"""

from dataclasses import dataclass

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


def phase_of(look: int) -> int:
    """The first row of a look, 0 to LOOKS - 1; the others are LOOKS rows apart."""
    return _ORDER[look]


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the pixels at ``seen_ns`` found.

    ``draw``: the last picture may lack something that this look saw. ``previous_ns`` is the time of the look before at
    the same pixels if they have changed since; None if they have not, or were never looked at before.
    """

    draw: bool
    seen_ns: int
    previous_ns: int | None = None


class PixelSamples:
    """The rows of one plane in one buffer as the last looks saw them. Takes as much memory as the picture."""

    def __init__(self, plane: Plane) -> None:
        """``plane`` has passed :func:`app.planes.check.check_plane`."""
        format_ = pixel_format(plane.fourcc)
        assert format_ is not None
        self._start = plane.offset
        if tile_of(plane.modifier, format_.bytes_per_pixel) is None:
            self._length, self._distance, self._pieces = format_.row_bytes(plane.width), plane.stride, plane.height
        else:
            self._length = self._distance = _PIECE
            self._pieces = -(-(bytes_needed(plane) - plane.offset) // _PIECE)
        self._seen: list[npt.NDArray[np.uint8] | None] = [None] * LOOKS
        self._times = [0] * LOOKS
        self._next = 0

    def look(self, buffer: Buffer, now_ns: int) -> Look:
        """Look at the next rows. Raises OSError and ValueError as :meth:`Buffer.strips` does, and MemoryError."""
        index, phase = self._next, phase_of(self._next)
        most = max(0, -(-(self._pieces - phase) // LOOKS))
        seen = self._seen[index]
        # Before the memory is opened: no array may use it after that, also not in the traceback of a MemoryError.
        kept = seen if seen is not None else np.empty((most, self._length), np.uint8)
        start = self._start + phase * self._distance
        with buffer.strips(start, LOOKS * self._distance, self._length, most) as strips:
            draw = seen is None or not _equal(kept, strips)
            if draw:
                _keep(kept, strips)
        self._seen[index] = kept
        self._next = (index + 1) % LOOKS
        before, self._times[index] = self._times[index], now_ns
        return Look(draw, now_ns, before if draw and seen is not None else None)


def _equal(kept: npt.NDArray[np.uint8], strips: Strips) -> bool:
    return np.array_equal(_rows(strips, kept.shape[1]), kept[: strips.number])


def _keep(kept: npt.NDArray[np.uint8], strips: Strips) -> None:
    kept[: strips.number] = _rows(strips, kept.shape[1])


def _rows(strips: Strips, length: int) -> npt.NDArray[np.uint8]:
    return np.ndarray((strips.number, length), np.uint8, strips.memory, 0, (strips.distance, 1))
