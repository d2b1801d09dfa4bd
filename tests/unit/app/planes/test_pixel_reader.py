"""One pixel read from a buffer, wherever its rows lie."""

import errno

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.pixel_value import ChannelValue
from app.planes.buffer import MemoryBuffer
from app.planes.frame import Surface
from app.planes.pixel_reader import read_pixel
from app.planes.plane import Backing, Plane, PlaneKind

_WIDTH, _HEIGHT, _STRIDE, _OFFSET = 100, 20, 512, 7


def _surface(modifier: int, rows: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", *, inverted: bool) -> Surface:
    plane = Plane(
        PlaneKind.PRIMARY,
        Backing.MEMORY,
        drm.DRM_FORMAT_XRGB8888,
        modifier,
        _WIDTH,
        _HEIGHT,
        _STRIDE,
        0,
        0,
        0,
        None,
        None,
        offset=_OFFSET,
        y_inverted=inverted,
    )
    stored = np.ascontiguousarray(rows[::-1]) if inverted else rows
    memory = bytes(_OFFSET) + tiling.tile(stored, modifier, 4, _STRIDE).tobytes()
    return Surface(plane, MemoryBuffer(memory))


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    "modifier", [drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_4_TILED]
)
def test_every_pixel_is_read_where_it_lies(modifier: int, inverted: bool) -> None:
    rows = np.random.default_rng(1).integers(0, 256, (_HEIGHT, 4 * _WIDTH), np.uint8)
    surface = _surface(modifier, rows, inverted=inverted)
    for x, y in ((0, 0), (99, 0), (0, 19), (99, 19), (31, 7), (32, 8)):
        value = read_pixel(surface, x, y)
        assert value.raw == rows[y, 4 * x : 4 * x + 4].tobytes()
        assert value.channels[0] == ChannelValue("R", int(rows[y, 4 * x + 2]), 8)


def test_what_cannot_be_read_is_an_error() -> None:
    rows = np.zeros((_HEIGHT, 4 * _WIDTH), np.uint8)
    surface = _surface(drm.DRM_FORMAT_MOD_LINEAR, rows, inverted=False)
    for x, y in ((-1, 0), (0, -1), (_WIDTH, 0), (0, _HEIGHT)):
        with pytest.raises(ValueError, match="is not in an image"):
            read_pixel(surface, x, y)
    short = Surface(surface.plane, MemoryBuffer(bytes(_OFFSET + 2)))
    with pytest.raises(OSError) as caught:
        read_pixel(short, 0, 0)
    assert caught.value.errno == errno.EFAULT
    assert isinstance(surface.buffer, MemoryBuffer)
    surface.buffer.release()
    with pytest.raises(ValueError, match="released"):
        read_pixel(surface, 0, 0)
