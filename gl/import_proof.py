"""The proof of an import: some rows of the image must have the pixels of the buffer.

A driver may take a buffer with a stride, an offset or a tiling that it then ignores. That is seen where the CPU can
read the buffer too. Whole rows are compared, because most pixels of a desktop are alike.
"""

import numpy as np
import numpy.typing as npt

from app.formats import tiling
from app.formats.decode import Rgba, Rows, decode
from app.formats.fourcc import Family
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
    numbers = sampled_rows(plane.height)
    for left in reversed(range(_ATTEMPTS)):
        try:
            before = _rows_in_buffer(image, plane, buffer, numbers)
            drawn = probe.rows(image, numbers)
            after = _rows_in_buffer(image, plane, buffer, numbers)
        except (OSError, ValueError):
            return
        # The last rows are missing where the exporter does not map a partial last page.
        count = min(len(before), len(after))
        before, drawn, after = before[:count], drawn[:count], after[:count]
        expected = decode(before, image.pixel_format, plane.width)
        wrong = (np.abs(drawn.astype(np.int16) - expected) > _TOLERANCE).any(axis=2)
        if wrong.any() and not np.array_equal(before, after):
            wrong &= (expected == decode(after, image.pixel_format, plane.width)).all(axis=2)
        if not wrong.any():
            return
        if not left:
            raise WrongPixels(_evidence(numbers, wrong, expected, drawn))


def sampled_rows(height: int) -> tuple[int, ...]:
    """The rows of the picture to compare: the first two, the last and five in between, if there are so many."""
    rows = {0, 1, height - 1, *(height * each // 6 for each in range(1, 6))}
    return tuple(sorted(each for each in rows if each < height))


def _rows_in_buffer(image: Image, plane: Plane, buffer: Buffer, numbers: tuple[int, ...]) -> Rows:
    """The bytes of the picture's rows; the rows that are not mapped are left out."""
    size = image.pixel_format.bytes_per_pixel
    row_bytes = image.pixel_format.row_bytes(plane.width)
    rows = np.empty((len(numbers), row_bytes), np.uint8)
    linear = is_linear(plane)
    columns = None if linear else tiling.column_offsets(plane.modifier, size, np.arange(row_bytes))
    last_column = row_bytes - 1 if columns is None else int(columns.max())
    mapped = 0
    with buffer.mapping(plane.offset, bytes_needed(plane) - plane.offset) as memory:
        for row, number in zip(rows, numbers, strict=True):
            y = plane.height - 1 - number if plane.y_inverted else number
            start = y * plane.stride if linear else int(tiling.row_offsets(plane.modifier, size, plane.stride, y))
            if start + last_column >= len(memory):
                break
            with memory[start : start + last_column + 1] as part:
                row[:] = np.frombuffer(part, np.uint8)[slice(None) if columns is None else columns]
            mapped += 1
    return rows[:mapped]


def _evidence(numbers: tuple[int, ...], wrong: npt.NDArray[np.bool_], expected: Rgba, drawn: Rgba) -> str:
    row = int(wrong.any(axis=1).argmax())
    x = int(wrong[row].argmax())
    counts = f"{int(wrong[row].sum())} of {wrong.shape[1]} pixels in row {numbers[row]}"
    colours = f"#{bytes(drawn[row, x]).hex()} instead of #{bytes(expected[row, x]).hex()}"
    return f"the image differs from the buffer in {counts}; pixel {x} is {colours}"
