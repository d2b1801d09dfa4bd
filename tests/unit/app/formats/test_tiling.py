"""Tilings: whole planes there and back, byte by byte against the address, and a few addresses known by heart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.modifier import tile_of
from app.formats.tiling import address, can_tile, detile, plane_size, tile

X = drm.I915_FORMAT_MOD_X_TILED
Y = drm.I915_FORMAT_MOD_Y_TILED
YF = drm.I915_FORMAT_MOD_Yf_TILED
FOUR = drm.I915_FORMAT_MOD_4_TILED
TILED = (X, Y, YF, FOUR)


@st.composite
def planes(draw: st.DrawFn) -> tuple[int, int, int, np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    """A modifier, bytes per pixel, stride, and rows of random bytes."""
    modifier = draw(st.sampled_from((drm.DRM_FORMAT_MOD_LINEAR, *TILED)))
    size = draw(st.sampled_from((1, 2, 4, 8)))
    row_bytes = draw(st.integers(1, 300)) * size
    shape = tile_of(modifier, size)
    unit = shape.width_bytes if shape else 1
    stride = -(-row_bytes // unit) * unit + unit * draw(st.integers(0, 2))
    height = draw(st.integers(1, 130))
    seed = draw(st.integers(0, 2**32 - 1))
    rows = np.random.default_rng(seed).integers(0, 256, (height, row_bytes), np.uint8)
    return modifier, size, stride, rows


@given(planes())
def test_a_tiled_plane_comes_back(plane: tuple[int, int, int, np.ndarray]) -> None:
    modifier, size, stride, rows = plane
    height, row_bytes = rows.shape
    tiled = tile(rows, modifier, size, stride)
    assert tiled.size == plane_size(modifier, size, stride, height)
    assert np.array_equal(detile(tiled.tobytes(), modifier, size, stride, row_bytes, height), rows)


@given(planes())
def test_every_byte_lies_where_its_address_says(plane: tuple[int, int, int, np.ndarray]) -> None:
    modifier, size, stride, rows = plane
    height, row_bytes = rows.shape
    tiled = tile(rows, modifier, size, stride)
    places = address(modifier, size, stride, np.arange(row_bytes), np.arange(height)[:, np.newaxis])
    assert np.unique(places).size == places.size
    assert np.array_equal(tiled[places], rows)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("modifier", TILED)
def test_a_tile_is_one_page(modifier: int, size: int) -> None:
    shape = tile_of(modifier, size)
    assert shape is not None
    assert shape.width_bytes * shape.height == 4096
    stride = shape.width_bytes
    inside = address(modifier, size, stride, np.arange(stride), np.arange(shape.height)[:, np.newaxis])
    assert sorted(inside.ravel()) == list(range(4096))


@pytest.mark.parametrize(
    ("modifier", "size", "x", "y", "expected"),
    [
        # Mesa's docs/isl/tiling.rst prints these cache lines of an X, a Y and a 4 tile.
        (X, 4, 0x40, 3, 0x640),
        (Y, 4, 16, 4, 0x240),
        (Y, 4, 112, 28, 0xFC0),
        (FOUR, 4, 16, 0, 0x040),
        (FOUR, 4, 0, 4, 0x100),
        (FOUR, 4, 64, 0, 0x200),
        (FOUR, 4, 0, 8, 0x400),
        # drm_fourcc.h on Yf: 64-byte blocks of four rows, units of 256 bytes, column-major fours of them.
        (YF, 4, 0, 4, 64),
        (YF, 4, 16, 0, 128),
        (YF, 4, 0, 8, 256),
        (YF, 4, 32, 0, 512),
        (YF, 4, 0, 16, 1024),
        (YF, 4, 64, 0, 2048),
        (YF, 1, 0, 8, 128),
        (YF, 1, 16, 0, 512),
    ],
)
def test_addresses_of_the_references(modifier: int, size: int, x: int, y: int, expected: int) -> None:
    assert address(modifier, size, 512, x, y) == expected


def test_tiles_follow_one_another_along_the_row() -> None:
    assert address(Y, 4, 1024, 128, 0) == 4096
    assert address(Y, 4, 1024, 0, 32) == 1024 * 32


def test_a_stride_of_broken_tiles_is_refused() -> None:
    with pytest.raises(ValueError, match="no multiple"):
        detile(bytes(1 << 20), X, 4, 500, 400, 8)
    with pytest.raises(ValueError, match="do not fit"):
        detile(bytes(1 << 20), X, 4, 512, 600, 8)


def test_too_little_data_is_refused() -> None:
    with pytest.raises(ValueError, match="where the plane has"):
        detile(bytes(4095), Y, 4, 128, 128, 1)
    with pytest.raises(ValueError, match="where the plane has"):
        detile(bytes(99), drm.DRM_FORMAT_MOD_LINEAR, 4, 50, 50, 2)


def test_a_linear_plane_is_not_copied() -> None:
    data = bytearray(64)
    rows = detile(data, drm.DRM_FORMAT_MOD_LINEAR, 4, 32, 16, 2)
    data[32] = 7
    assert rows[1, 0] == 7


def test_compressed_layouts_are_not_known() -> None:
    assert not can_tile(drm.I915_FORMAT_MOD_Y_TILED_CCS, 4)
    with pytest.raises(ValueError, match="not known"):
        address(drm.I915_FORMAT_MOD_Y_TILED_CCS, 4, 128, 0, 0)
