"""Intel's uncompressed tilings: the address of a byte, and the conversion of whole planes to linear and back.

A tile of 4 KiB has twelve address bits, which are low bits of the byte column (x) and of the row (y). Tiles are in
row-major order. The mapping is written as one letter per address bit, the highest bit first. Each address bit comes
from x or from y alone, so an address is the sum of a part from x and a part from y, and a plane is converted by
reshaping and transposing.

Sources: Intel PRMs, volume "Memory Views" (X, Y; Skylake for Yf; "Tile4" for 4); Mesa ``docs/isl/tiling.rst``, table
"Tiling as a bit pattern" (X, Y0, 4); gmmlib ``CpuSwizzleBlt.c``, swizzles INTEL_TILE_YF_8/16/32/64, and the tile
sizes of its Gen9 ``PlatformInfo``; the comment on Yf in ``include/uapi/drm/drm_fourcc.h``. No memory controller from
Gen9 on swizzles bit 6.
"""

import itertools
import math
import mmap
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.formats.modifier import Tile, tile_of

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Memory = Bytes | bytes | bytearray | memoryview | mmap.mmap

_PATTERNS = {
    drm.I915_FORMAT_MOD_X_TILED: "yyyxxxxxxxxx",
    drm.I915_FORMAT_MOD_Y_TILED: "xxxyyyyyxxxx",
    drm.I915_FORMAT_MOD_4_TILED: "yyxyxxyyxxxx",
}

_YF_PATTERNS = {1: "xyxyyyyyxxxx", 2: "xyxyxyyyxxxx", 4: "xyxyxyyyxxxx", 8: "xyxyxxyyxxxx"}

# In every pattern 16 successive bytes are in one row, so they are moved as one element.
_CHUNK = 16

# A copy with numpy's transpose gets slow when its axes are short. Yf has nine, of two or eight chunks each: at 1080p
# the transpose took three times as long as a gather with an index for each chunk, on one machine. For the eight axes of
# 4 both took the same time, for X and Y the gather took longer.
_MOST_TRANSPOSED_AXES = 8


def can_tile(modifier: int, bytes_per_pixel: int) -> bool:
    """Whether this module knows the layout. True for linear."""
    return modifier == drm.DRM_FORMAT_MOD_LINEAR or tile_of(modifier, bytes_per_pixel) is not None


def plane_size(modifier: int, bytes_per_pixel: int, stride: int, height: int) -> int:
    """The number of bytes of a plane, with the height rounded up to whole tiles."""
    tile = tile_of(modifier, bytes_per_pixel)
    rows = height if tile is None else -(-height // tile.height) * tile.height
    return stride * rows


def column_offsets(modifier: int, bytes_per_pixel: int, x_bytes: npt.ArrayLike) -> Offsets:
    """The part of the address that depends on the byte column. Raises ValueError for an unknown layout."""
    x = np.asarray(x_bytes, np.int64)
    if modifier == drm.DRM_FORMAT_MOD_LINEAR:
        return x
    tile, pattern = _layout(modifier, bytes_per_pixel)
    inside = _spread(x % tile.width_bytes, pattern, "x")
    return inside + x // tile.width_bytes * (tile.width_bytes * tile.height)


def row_offsets(modifier: int, bytes_per_pixel: int, stride: int, y: npt.ArrayLike) -> Offsets:
    """The part of the address that depends on the row. Raises ValueError for an unknown layout."""
    rows = np.asarray(y, np.int64)
    if modifier == drm.DRM_FORMAT_MOD_LINEAR:
        return rows * stride
    tile, pattern = _layout(modifier, bytes_per_pixel)
    return _spread(rows % tile.height, pattern, "y") + rows // tile.height * (tile.height * stride)


def address(modifier: int, bytes_per_pixel: int, stride: int, x_bytes: npt.ArrayLike, y: npt.ArrayLike) -> Offsets:
    """Byte addresses in the plane. ``x_bytes`` and ``y`` broadcast. Raises ValueError for an unknown layout."""
    return column_offsets(modifier, bytes_per_pixel, x_bytes) + row_offsets(modifier, bytes_per_pixel, stride, y)


def tile(linear: Bytes, modifier: int, bytes_per_pixel: int, stride: int, out: Bytes | None = None) -> Bytes:
    """Convert linear rows of shape (height, row bytes) to the layout of the modifier. Padding is zero.

    The result is one-dimensional and has ``plane_size`` bytes. If ``out`` is given, it must be at least that long and
    is the result. Raises ValueError for an unknown layout, and for a stride that is too small or not a whole number
    of tiles.
    """
    height, row_bytes = linear.shape
    size = plane_size(modifier, bytes_per_pixel, stride, height)
    if row_bytes > stride:
        raise ValueError(f"{row_bytes} bytes a row do not fit a stride of {stride}")
    plane = np.empty(size, np.uint8) if out is None else out[:size]
    if modifier == drm.DRM_FORMAT_MOD_LINEAR:
        rows = plane.reshape(height, stride)
        rows[:, :row_bytes] = linear
        rows[:, row_bytes:] = 0
        return plane
    shapes = _shapes(modifier, bytes_per_pixel, stride, height)
    padded = linear
    if linear.shape != (size // stride, stride) or not linear.flags.c_contiguous:
        padded = np.zeros((size // stride, stride), np.uint8)
        padded[:height, :row_bytes] = linear
    chunks = padded.reshape(-1).view(np.complex128).reshape(shapes.linear)
    plane.view(np.complex128).reshape(shapes.tiled)[...] = chunks.transpose(shapes.to_tiled)
    return plane


def detile(data: Memory, modifier: int, bytes_per_pixel: int, stride: int, width_bytes: int, height: int) -> Bytes:
    """The rows of a plane, shape (height, width_bytes); for linear planes a view of ``data``, not a copy.

    Raises ValueError for an unknown layout, for a stride that is too small or not a whole number of tiles, and for too
    little data.
    """
    flat = np.frombuffer(data, np.uint8)
    if width_bytes > stride:
        raise ValueError(f"{width_bytes} bytes a row do not fit a stride of {stride}")
    if modifier == drm.DRM_FORMAT_MOD_LINEAR:
        _require(flat, stride * (height - 1) + width_bytes)
        return np.ndarray((height, width_bytes), np.uint8, flat, strides=(stride, 1))
    size = plane_size(modifier, bytes_per_pixel, stride, height)
    _require(flat, size)
    shapes = _shapes(modifier, bytes_per_pixel, stride, height)
    rows = np.empty((size // stride, stride), np.uint8)
    tiles = flat[:size].view(np.complex128)
    if len(shapes.tiled) > _MOST_TRANSPOSED_AXES:
        order = _chunk_order(modifier, bytes_per_pixel, stride)
        # With mode="raise" numpy would make a copy of the result.
        bands = rows.view(np.complex128).reshape(-1, order.size)
        np.take(tiles.reshape(-1, order.size), order, axis=1, out=bands, mode="clip")
    else:
        chunks = rows.view(np.complex128).reshape(shapes.linear)
        chunks[...] = tiles.reshape(shapes.tiled).transpose(shapes.to_linear)
    return rows[:height, :width_bytes]


def _require(flat: Bytes, needed: int) -> None:
    if flat.size < needed:
        raise ValueError(f"{flat.size} bytes where the plane has {needed}")


def _layout(modifier: int, bytes_per_pixel: int) -> tuple[Tile, str]:
    tile = tile_of(modifier, bytes_per_pixel)
    yf = modifier == drm.I915_FORMAT_MOD_Yf_TILED
    pattern = _YF_PATTERNS.get(bytes_per_pixel) if yf else _PATTERNS.get(modifier)
    if tile is None or pattern is None:
        raise ValueError(f"the layout of modifier 0x{modifier:x} at {bytes_per_pixel} bytes a pixel is not known")
    return tile, pattern


def _spread(coordinate: Offsets, pattern: str, letter: str) -> Offsets:
    """Move the bits of a coordinate to the address bits that have its letter in the pattern."""
    result = np.zeros_like(coordinate)
    places = (place for place, each in enumerate(reversed(pattern)) if each == letter)
    for bit, place in enumerate(places):
        result |= (coordinate >> bit & 1) << place
    return result


class _Shapes:
    """A plane as an array of 16-byte chunks with one axis per run of equal letters, and how to transpose it."""

    def __init__(self, tile: Tile, pattern: str, stride: int, height: int) -> None:
        # "xxxyyyyyxxxx" has the runs x3, y5, x4; the last one is reduced to whole chunks.
        runs = [(letter, 1 << len(list(group))) for letter, group in itertools.groupby(pattern)]
        runs[-1] = ("x", runs[-1][1] // _CHUNK)
        down, across = -(-height // tile.height), stride // tile.width_bytes
        axes = [("y", down), ("x", across), *runs]
        self.tiled = tuple(length for _, length in axes)
        # The stable sort keeps the runs of each letter from the highest bits to the lowest, as in the coordinate.
        self.to_linear = tuple(sorted(range(len(axes)), key=lambda index: axes[index][0] != "y"))
        self.linear = tuple(self.tiled[index] for index in self.to_linear)
        self.to_tiled = tuple(int(index) for index in np.argsort(self.to_linear))
        assert math.prod(self.tiled) * _CHUNK == down * tile.height * stride


@lru_cache(maxsize=16)
def _chunk_order(modifier: int, bytes_per_pixel: int, stride: int) -> npt.NDArray[np.intp]:
    """Where each chunk of a row of tiles lies in them, row by row."""
    tile, _ = _layout(modifier, bytes_per_pixel)
    columns, rows = np.arange(0, stride, _CHUNK), np.arange(tile.height)[:, np.newaxis]
    order = (address(modifier, bytes_per_pixel, stride, columns, rows) // _CHUNK).astype(np.intp).ravel()
    order.flags.writeable = False
    return order


@lru_cache(maxsize=64)
def _shapes(modifier: int, bytes_per_pixel: int, stride: int, height: int) -> _Shapes:
    tile, pattern = _layout(modifier, bytes_per_pixel)
    if stride <= 0 or stride % tile.width_bytes:
        raise ValueError(f"a stride of {stride} is no multiple of the tile's {tile.width_bytes} bytes")
    return _Shapes(tile, pattern, stride, height)
