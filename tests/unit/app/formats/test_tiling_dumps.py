"""Raw dumps that were made by other formulas than those of the program come back as the picture."""

from collections.abc import Callable

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.formats.fourcc import pixel_format
from app.formats.raw_picture import raw_picture
from app.formats.reading import Reading

Address = Callable[[int, int, int], int]


def x_tiled(x: int, y: int, pitch: int) -> int:
    return (y // 8) * 8 * pitch + (x // 512) * 4096 + (y % 8) * 512 + x % 512


def y_tiled(x: int, y: int, pitch: int) -> int:
    return (y // 32) * 32 * pitch + (x // 128) * 4096 + ((x % 128) // 16) * 512 + (y % 32) * 16 + x % 16


def four_tiled(x: int, y: int, pitch: int) -> int:
    column, row = (x % 128) // 16, (y % 32) // 4
    inside = (row // 2) * 1024 + (column // 4) * 512 + (row % 2) * 256 + (column % 4) * 64 + (y % 4) * 16
    return (y // 32) * 32 * pitch + (x // 128) * 4096 + inside + x % 16


def yf_tiled(x: int, y: int, pitch: int) -> int:
    """2 and 4 bytes a pixel: blocks of 16 bytes by 8 rows, paired across, down, across, down and across (gmmlib)."""
    inside = (y % 8) * 16 + (x // 16 % 2) * 128 + (y // 8 % 2) * 256 + (x // 32 % 2) * 512
    inside += (y // 16 % 2) * 1024 + (x // 64 % 2) * 2048
    return (y // 32) * 32 * pitch + (x // 128) * 4096 + inside + x % 16


def yf_tiled_bytes(x: int, y: int, pitch: int) -> int:
    """1 byte a pixel: blocks of 16 bytes by 32 rows in a tile of 64 by 64."""
    inside = (y % 32) * 16 + (x // 16 % 2) * 512 + (y // 32 % 2) * 1024 + (x // 32 % 2) * 2048
    return (y // 64) * 64 * pitch + (x // 64) * 4096 + inside + x % 16


@pytest.mark.parametrize(
    ("modifier", "fourcc", "address", "unit", "lines"),
    [
        (drm.I915_FORMAT_MOD_X_TILED, drm.DRM_FORMAT_XRGB8888, x_tiled, 512, 8),
        (drm.I915_FORMAT_MOD_Y_TILED, drm.DRM_FORMAT_XRGB8888, y_tiled, 128, 32),
        (drm.I915_FORMAT_MOD_4_TILED, drm.DRM_FORMAT_XRGB8888, four_tiled, 128, 32),
        (drm.I915_FORMAT_MOD_Yf_TILED, drm.DRM_FORMAT_XRGB8888, yf_tiled, 128, 32),
        (drm.I915_FORMAT_MOD_Yf_TILED, drm.DRM_FORMAT_RGB565, yf_tiled, 128, 32),
        (drm.I915_FORMAT_MOD_Yf_TILED, drm.DRM_FORMAT_C8, yf_tiled_bytes, 64, 64),
        (drm.I915_FORMAT_MOD_X_TILED, drm.DRM_FORMAT_C8, x_tiled, 512, 8),
        (drm.I915_FORMAT_MOD_Y_TILED, drm.DRM_FORMAT_YUYV, y_tiled, 128, 32),
    ],
)
def test_a_dump_made_by_another_formula_is_the_picture(
    modifier: int, fourcc: int, address: Address, unit: int, lines: int
) -> None:
    width, height = 149, 71
    format_ = pixel_format(fourcc)
    assert format_ is not None
    row = format_.row_bytes(width)
    pitch = -(-row // unit) * unit + unit
    rows = np.random.default_rng(7).integers(0, 256, (height, row), np.uint8)
    linear, tiled = bytearray(pitch * height), bytearray(pitch * (-(-height // lines) * lines))
    for y in range(height):
        for x in range(row):
            tiled[address(x, y, pitch)] = linear[y * pitch + x] = int(rows[y, x])
    expected = raw_picture(memoryview(linear), Reading(fourcc, drm.DRM_FORMAT_MOD_LINEAR, width, height, pitch))
    found = raw_picture(memoryview(tiled), Reading(fourcc, modifier, width, height, pitch))
    assert found.missing == expected.missing == 0
    assert np.array_equal(found.rgba, expected.rgba)
    assert found.rgba[..., :3].any()
