"""Strides at which bytes are likely to be rows of a picture. They are found by what the bytes of two rows share.

A linear picture repeats itself a little from row to row, so the bytes correlate with themselves at the distance of a
stride. In a tiling the last row of a tile continues in the first row of the tile below, which is as many tiles further
on as a row has.
"""

import numpy as np
import numpy.typing as npt

from app.formats import tiling
from app.formats.modifier import tile_of
from app.formats.reading import MAX_STRIDE

Bytes = npt.NDArray[np.uint8]

TILE_BYTES = 4096
LEAST_STRIDE = 64
# How many bytes are looked at: of the whole, in windows of which each has many rows of the longest stride.
_WINDOW = 1 << 19
_WINDOWS = 3
_PEAKS = 60
_AROUND = 6
_COMPARED = 1 << 15
_MOST_TILES = 512
# The difference of bytes that far apart: of pixels next to each other, for one, two and four bytes a pixel.
_STEP = 4
# Neighbours of a peak at this distance are the same peak.
_PEAK_WIDTH = 5


def linear_strides(data: Bytes, candidates: set[int], least: int, most: int, count: int) -> list[int]:
    """The ``count`` likeliest of the candidates from ``least`` to ``most``, the best first."""
    most = min(most, MAX_STRIDE, data.size // 2)
    # The multiples of a stride are in the way of shorter ones that are as good.
    parts = {each // number for each in candidates for number in (2, 3) if each % number == 0}
    strides = sorted(each for each in candidates | parts if least <= each <= most)
    if not strides:
        return []
    starts = np.linspace(0, max(0, data.size - most - 1), 64).astype(np.int64)
    piece = max(1, min(_COMPARED // starts.size, data.size // 4))
    offsets = (starts[:, np.newaxis] + np.arange(piece)).ravel()
    offsets = offsets[offsets + most < data.size]
    here = data[offsets].astype(np.int16)
    scores = [float(np.abs(data[offsets + each] - here).mean()) for each in strides]
    order = sorted(range(len(strides)), key=lambda index: (scores[index], strides[index]))
    best = [strides[index] for index in order[:count]]
    # Rows that alternate make the neighbours of a stride look better than itself.
    aligned = [nearest for each in best if abs((nearest := round(each / 64) * 64) - each) <= 2 * _STEP]
    return list(dict.fromkeys([*best, *(each for each in aligned if least <= each <= most)]))


def repeating_distances(data: Bytes, most: int) -> set[int]:
    """The distances at which the changes along the bytes correlate best, by the Fourier transform, and those near."""
    most = min(most, MAX_STRIDE, data.size // 2)
    total = np.zeros(most + 1)
    size = min(_WINDOW, data.size)
    for start in np.linspace(0, data.size - size, _WINDOWS if data.size > size else 1).astype(np.int64):
        part = data[start : start + size].astype(np.float32)
        change = part[_STEP:] - part[:-_STEP]
        if change.size <= LEAST_STRIDE:
            continue
        length = 1 << int(change.size + most).bit_length()
        spectrum = np.fft.rfft(change, length)
        found = np.fft.irfft(np.abs(spectrum) ** 2, length)[: most + 1]
        # A long distance has fewer pairs.
        pairs = np.maximum(1, change.size - np.arange(found.size))
        total[: found.size] += found / pairs
    total[:LEAST_STRIDE] = -np.inf
    peaks: list[int] = []
    order = np.argsort(total)[::-1]
    for each in order[: 20 * _PEAKS].tolist():
        if len(peaks) == _PEAKS:
            break
        if all(abs(each - peak) > _PEAK_WIDTH for peak in peaks):
            peaks.append(each)
    return {peak + step for peak in peaks for step in range(-_AROUND, _AROUND + 1)}


def tiled_strides(data: Bytes, modifier: int, bytes_per_pixel: int, most: int) -> list[int]:
    """All strides of a tiling up to ``most``, the likeliest first."""
    tile = tile_of(modifier, bytes_per_pixel)
    assert tile is not None
    tiles = data[: data.size // TILE_BYTES * TILE_BYTES].reshape(-1, TILE_BYTES)
    columns = tiling.column_offsets(modifier, bytes_per_pixel, np.arange(tile.width_bytes))
    edges = tiling.row_offsets(modifier, bytes_per_pixel, tile.width_bytes, np.array([0, tile.height - 1]))
    top, bottom = (np.ascontiguousarray(tiles[:, columns + each]) for each in edges)
    scores: list[tuple[float, int]] = []
    for number in range(1, min(min(most, MAX_STRIDE) // tile.width_bytes, len(tiles) // 2) + 1):
        step = -(-(len(tiles) - number) // _MOST_TILES)
        steps = bottom[:-number:step].astype(np.int16) - top[number::step]
        scores.append((float(np.abs(steps).mean()), number * tile.width_bytes))
    # All tiles may be in one row.
    return [stride for _, stride in sorted(scores)] or [len(tiles) * tile.width_bytes]
