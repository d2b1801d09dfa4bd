"""Which changes of a plane's memory are changes of a region."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.frame import Surface
from app.planes.picture_region import MappedRegionLooks, PictureRegion
from app.planes.plane import Backing, Plane, PlaneKind

_WIDTH, _HEIGHT = 13, 9


def _plane(fourcc: int, bytes_per_pixel: int, **changes: object) -> Plane:
    values: dict[str, object] = {
        "kind": PlaneKind.PRIMARY,
        "backing": Backing.MEMORY,
        "fourcc": fourcc,
        "modifier": drm.DRM_FORMAT_MOD_LINEAR,
        "width": _WIDTH,
        "height": _HEIGHT,
        "stride": 64,
        "size": 64 * _HEIGHT,
        "x": 0,
        "y": 0,
        "hot_x": None,
        "hot_y": None,
        "offset": 5,
    }
    assert bytes_per_pixel * (_WIDTH + 1) <= 64
    return Plane(**(values | changes))  # type: ignore[arg-type]


@given(
    st.sampled_from([(drm.DRM_FORMAT_XRGB8888, 4), (drm.DRM_FORMAT_RGB888, 3), (drm.DRM_FORMAT_C8, 1)]),
    st.booleans(),
    st.tuples(st.integers(0, _WIDTH - 1), st.integers(0, _HEIGHT - 1)),
    st.tuples(st.integers(1, _WIDTH), st.integers(1, _HEIGHT)),
    st.tuples(st.integers(0, _WIDTH - 1), st.integers(0, _HEIGHT - 1)),
)
def test_exactly_the_pixels_of_the_region_count(
    kind: tuple[int, int], inverted: bool, corner: tuple[int, int], size: tuple[int, int], pixel: tuple[int, int]
) -> None:
    fourcc, bytes_per_pixel = kind
    region = PictureRegion(*corner, min(size[0], _WIDTH - corner[0]), min(size[1], _HEIGHT - corner[1]))
    assert region.lies_in(_WIDTH, _HEIGHT)
    memory = bytearray(5 + 64 * _HEIGHT)
    surface = Surface(_plane(fourcc, bytes_per_pixel, y_inverted=inverted), MemoryBuffer(memory))
    looks = MappedRegionLooks()
    assert not looks.changed(surface, region)
    row = _HEIGHT - 1 - pixel[1] if inverted else pixel[1]
    memory[5 + 64 * row + bytes_per_pixel * pixel[0] + bytes_per_pixel - 1] ^= 1
    inside = region.x <= pixel[0] < region.x + region.width and region.y <= pixel[1] < region.y + region.height
    assert looks.changed(surface, region) == inside
    assert not looks.changed(surface, region)


def test_pixels_that_share_bytes_are_compared_together() -> None:
    memory = bytearray(5 + 64 * _HEIGHT)
    surface = Surface(_plane(drm.DRM_FORMAT_YUYV, 2), MemoryBuffer(memory))
    looks, region = MappedRegionLooks(), PictureRegion(3, 2, 2, 1)
    looks.changed(surface, region)
    for pixel, expected in ((1, False), (2, True), (3, True), (4, True), (5, True), (6, False)):
        memory[5 + 64 * 2 + 2 * pixel] ^= 1
        assert looks.changed(surface, region) == expected, pixel


def test_same_pixels_in_another_buffer_are_no_change_and_another_layout_is_one() -> None:
    plane = _plane(drm.DRM_FORMAT_XRGB8888, 4)
    pixels = bytes(range(256)) * 3
    looks, region = MappedRegionLooks(), PictureRegion(1, 1, 4, 4)
    assert not looks.changed(Surface(plane, MemoryBuffer(pixels)), region)
    assert not looks.changed(Surface(plane, MemoryBuffer(bytearray(pixels))), region)
    assert looks.changed(Surface(plane, MemoryBuffer(bytes(768))), region)
    narrow = _plane(drm.DRM_FORMAT_XRGB8888, 4, width=10)
    assert looks.changed(Surface(narrow, MemoryBuffer(bytes(768))), region)
    assert not looks.changed(Surface(narrow, MemoryBuffer(bytes(768))), region)


def test_tiled_and_unknown_planes_are_not_read() -> None:
    looks = MappedRegionLooks()
    for plane in (_plane(drm.DRM_FORMAT_XRGB8888, 4, modifier=drm.I915_FORMAT_MOD_X_TILED), _plane(0, 4)):
        with pytest.raises(OSError, match="not in rows"):
            looks.changed(Surface(plane, MemoryBuffer(bytes(4096))), PictureRegion(0, 0, 1, 1))


@pytest.fixture
def shrinking() -> Iterator[tuple[int, DmaBuffer]]:
    """A memfd that its other holder can shorten, and a buffer of it."""
    fd = os.memfd_create("plane", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 4096)
    buffer = DmaBuffer(os.dup(fd))
    yield fd, buffer
    buffer.release()
    os.close(fd)


def test_memory_that_vanishes_is_an_error_and_no_signal(shrinking: tuple[int, DmaBuffer]) -> None:
    fd, buffer = shrinking
    surface = Surface(_plane(drm.DRM_FORMAT_XRGB8888, 4), buffer)
    looks, region = MappedRegionLooks(), PictureRegion(0, 0, 8, 8)
    assert not looks.changed(surface, region)
    os.pwrite(fd, b"\1", 5)
    assert looks.changed(surface, region)
    os.ftruncate(fd, 0)
    with pytest.raises(OSError, match="vanished"):
        looks.changed(surface, region)
    buffer.release()
    with pytest.raises(ValueError, match="released"):
        looks.changed(surface, region)


def test_looks_keep_no_view_of_the_memory() -> None:
    memory = bytearray(5 + 64 * _HEIGHT)
    looks = MappedRegionLooks()
    for _ in range(2):
        looks.changed(Surface(_plane(drm.DRM_FORMAT_XRGB8888, 4), MemoryBuffer(memory)), PictureRegion(0, 0, 8, 8))
    # Fails while an array uses it.
    memory.clear()
    assert np.array_equal(memory, [])
