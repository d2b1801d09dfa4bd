"""The proof of an import: some rows of the image must have the pixels of the buffer.

A driver may take a buffer with a stride, an offset or a tiling that it then ignores. That is seen where the CPU can
read the buffer too. Whole rows are compared, because most pixels of a desktop are alike.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt

from app.formats import tiling
from app.formats.decode import Rgba, Rows, decode
from app.formats.fourcc import Family, PixelFormat
from app.planes.buffer import Buffer
from app.planes.check import bytes_needed
from app.planes.plane import Plane
from gl.compositor import Image
from gl.errors import GraphicsError
from gl.formats import Decode
from gl.import_ladder import is_linear
from gl.probe_draw import ProbeDraw

# A wrong import is wrong each time. A guest that draws makes one comparison wrong, if it draws twice at a bad moment.
_ATTEMPTS = 3
# How many rows are looked at for more than one colour, and how many of those that have it are compared.
_CANDIDATES, _VARIED = 64, 6
# The GPU may round another way. A wrong row, column or channel differs by more in some of its pixels.
_TOLERANCE = 3


class WrongPixels(GraphicsError):
    """The image has other pixels than the buffer; the text has the evidence."""


def prove_import(probe: ProbeDraw, image: Image, plane: Plane, buffer: Buffer) -> None:
    """Compare rows of an image with the buffer. The context of ``probe`` must be current.

    Raises :class:`WrongPixels`, and :class:`GlError` when OpenGL fails. Returns without a proof where the CPU cannot
    read the buffer or does not know its tiling, and for YUV that the driver decodes: its rounding, and the chroma
    between two samples, are its own.

    The guest may draw at any time. So the buffer is read before and after the image, and only pixels that did not
    change in between are compared.
    """
    if image.pixel_format.family is Family.YUV422 and image.decode is not Decode.YUV422:
        return
    if not is_linear(plane) and not tiling.can_tile(plane.modifier, image.pixel_format.bytes_per_pixel):
        return
    stored = _StoredRows(plane, image.pixel_format, buffer)
    try:
        numbers = _rows_to_compare(stored, plane.height)
        if not numbers:
            return
        for left in reversed(range(_ATTEMPTS)):
            before = stored.read(numbers)
            drawn = probe.rows(image, numbers)
            after = stored.read(numbers)
            expected = decode(before, image.pixel_format, plane.width)
            wrong = (np.abs(drawn.astype(np.int16) - expected) > _TOLERANCE).any(axis=2)
            if wrong.any() and not np.array_equal(before, after):
                wrong &= (expected == decode(after, image.pixel_format, plane.width)).all(axis=2)
            if not wrong.any():
                return
            if not left:
                raise WrongPixels(_evidence(numbers, wrong, expected, drawn))
    except (OSError, ValueError, MemoryError):
        # Too little memory for a copy of a few rows must not end the window.
        return


class _StoredRows:
    """The rows of a picture as the buffer has them now. Each method raises OSError and ValueError as a mapping does."""

    def __init__(self, plane: Plane, pixel_format: PixelFormat, buffer: Buffer) -> None:
        self._plane = plane
        self._buffer = buffer
        self._size = pixel_format.bytes_per_pixel
        self._group = pixel_format.row_bytes(1)
        self._row_bytes = pixel_format.row_bytes(plane.width)
        self._columns: npt.NDArray[np.int64] | slice = slice(None)
        self._extent = self._row_bytes
        if not is_linear(plane):
            columns = tiling.column_offsets(plane.modifier, self._size, np.arange(self._row_bytes))
            self._columns, self._extent = columns, int(columns.max()) + 1

    def read(self, numbers: tuple[int, ...]) -> Rows:
        """The bytes of these rows, counted from the top of the picture."""
        rows = np.empty((len(numbers), self._row_bytes), np.uint8)
        with self._mapping() as memory:
            for row, number in zip(rows, numbers, strict=True):
                start = self._start(number)
                with memory[start : start + self._extent] as part:
                    row[:] = np.frombuffer(part, np.uint8)[self._columns]
        return rows

    def mapped(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Those of the rows that are mapped: an exporter may not map a partial last page."""
        with self._mapping() as memory:
            return tuple(each for each in numbers if self._start(each) + self._extent <= len(memory))

    def varied(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the rows that have pixels of more than one colour."""
        rows, size = self.read(numbers), self._group
        differing = (rows[:, size:] != rows[:, :-size]).any(axis=1)
        return tuple(each for each, differs in zip(numbers, differing, strict=True) if differs)

    def _mapping(self) -> AbstractContextManager[memoryview]:
        offset = self._plane.offset
        return self._buffer.mapping(offset, bytes_needed(self._plane) - offset)

    def _start(self, number: int) -> int:
        plane = self._plane
        y = plane.height - 1 - number if plane.y_inverted else number
        if is_linear(plane):
            return y * plane.stride
        return int(tiling.row_offsets(plane.modifier, self._size, plane.stride, y))


def _rows_to_compare(stored: _StoredRows, height: int) -> tuple[int, ...]:
    """The first two rows, the last one and five in between, and up to six more that are not of one colour.

    A shift is not seen in a row of one colour, and most rows of a console or of a blank desktop are that.
    """
    fixed = {0, 1, height - 1, *(height * each // 6 for each in range(1, 6))}
    candidates = stored.mapped(sorted({height * each // _CANDIDATES for each in range(_CANDIDATES)}))
    varied = stored.varied(candidates)
    step = max(1, -(-len(varied) // _VARIED))
    return stored.mapped(sorted({*(each for each in fixed if each < height), *varied[::-1][::step]}))


def _evidence(numbers: tuple[int, ...], wrong: npt.NDArray[np.bool_], expected: Rgba, drawn: Rgba) -> str:
    row = int(wrong.any(axis=1).argmax())
    x = int(wrong[row].argmax())
    counts = f"{int(wrong[row].sum())} of {wrong.shape[1]} pixels in row {numbers[row]}"
    colours = f"#{bytes(drawn[row, x]).hex()} instead of #{bytes(expected[row, x]).hex()}"
    return f"the image differs from the buffer in {counts}; pixel {x} is {colours}"
