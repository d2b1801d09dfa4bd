"""The picture that bytes are by a reading, also if some of them are missing."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.formats import tiling
from app.formats.decode import Rgba, decode
from app.formats.modifier import tile_of
from app.formats.reading import Reading
from app.formats.yuv import Matrix

# Whole tiles of every tiling. Bands bound the memory that the conversion takes beside the picture.
_BAND_ROWS = 128
# With less of the bytes than that there is nothing to see, and a wrong size could cost a gigabyte of black.
_LEAST_SHARE = 100
_BLACK = (0, 0, 0, 255)


class RawPicture(NamedTuple):
    """``missing`` of the bytes that the reading covers are not there. What they would show is black."""

    rgba: Rgba
    missing: int


def raw_picture(data: memoryview, reading: Reading, matrix: Matrix = Matrix.BT601) -> RawPicture:
    """The picture of ``data`` by ``reading``. ``matrix`` is that of YUV formats.

    The result is no view of ``data``. Raises ValueError when less than a hundredth of the bytes is there.
    """
    with data[reading.offset :] as part:
        have = len(part)
        if have * _LEAST_SHARE < reading.size or not have:
            raise ValueError(f"there are {have} of the {reading.size} bytes of this reading")
        rgba = np.zeros((reading.height, reading.width, 4), np.uint8)
        rgba[...] = _BLACK
        for top in range(0, reading.height, _BAND_ROWS):
            start = top * reading.stride
            if start >= have:
                break
            rows = min(_BAND_ROWS, reading.height - top)
            with part[start : start + _band_size(reading, rows)] as band:
                _draw_band(band, reading, rgba[top : top + rows], matrix)
    return RawPicture(rgba, max(0, reading.size - have))


def _band_size(reading: Reading, rows: int) -> int:
    pixels = reading.pixels
    tile = tile_of(reading.modifier, pixels.bytes_per_pixel)
    if tile is None:
        return reading.stride * (rows - 1) + pixels.row_bytes(reading.width)
    return tiling.plane_size(reading.modifier, pixels.bytes_per_pixel, reading.stride, rows)


def _draw_band(data: memoryview, reading: Reading, into: Rgba, matrix: Matrix) -> None:
    pixels, rows = reading.pixels, into.shape[0]
    row_bytes = pixels.row_bytes(reading.width)
    size = _band_size(reading, rows)
    # No array may use the caller's memory after this function: a copy, if it is short, and views inside only.
    source = data if len(data) == size else bytes(data).ljust(size, b"\0")
    lines = tiling.detile(source, reading.modifier, pixels.bytes_per_pixel, reading.stride, row_bytes, rows)
    into[...] = decode(lines, pixels, reading.width, matrix)
    if len(data) < size:
        into[_beyond(len(data), reading, rows)] = _BLACK


def _beyond(have: int, reading: Reading, rows: int) -> npt.NDArray[np.bool_]:
    """Which pixels of a band have a byte that is not among its first ``have``."""
    pixels = reading.pixels
    group = pixels.width_multiple * pixels.bytes_per_pixel
    # The bytes of a pixel, or of a pair of 4:2:2, follow one another: no tiling splits 16 of them.
    first = np.arange(reading.width) // pixels.width_multiple * group
    last = first + group - 1
    down = tiling.row_offsets(reading.modifier, pixels.bytes_per_pixel, reading.stride, np.arange(rows))
    across = np.maximum(
        tiling.column_offsets(reading.modifier, pixels.bytes_per_pixel, first),
        tiling.column_offsets(reading.modifier, pixels.bytes_per_pixel, last),
    )
    return down[:, np.newaxis] + across >= have
