"""What bytes are by a reading, also where some of them are missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.raw_picture import raw_picture
from app.formats.reading import SHORT_MODIFIERS, Reading, least_stride
from app.formats.tiling import address

FORMATS = (drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_YUYV, drm.DRM_FORMAT_RGB565, drm.DRM_FORMAT_C8)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    fourcc, modifier = draw(st.sampled_from(FORMATS)), draw(st.sampled_from(tuple(SHORT_MODIFIERS.values())))
    width, height = draw(st.integers(1, 200)), draw(st.integers(1, 300))
    smallest = Reading(fourcc, modifier, 1, 1, 1 << 18)
    return Reading(fourcc, modifier, width, height, least_stride(smallest.pixels, modifier, width))


@given(readings(), st.integers(0, 100), st.integers(0, 300))
def test_of_a_short_dump_all_is_shown_that_is_there(reading: Reading, percent: int, offset: int) -> None:
    """Zero bytes are green in YUYV, so what is missing is not read as zeros."""
    have = max(1, -(-reading.size // 100), reading.size * percent // 100)
    data = bytes(offset) + b"\xff" * have
    reading = Reading(reading.fourcc, reading.modifier, reading.width, reading.height, reading.stride, offset)
    rgba, missing = raw_picture(memoryview(data), reading)
    assert missing == reading.size - have
    group = reading.pixels.width_multiple * reading.pixels.bytes_per_pixel
    first = np.arange(reading.width) // reading.pixels.width_multiple * group
    rows = np.arange(reading.height)[:, np.newaxis]
    # 16 bytes are together in every tiling, and no pixel is in two of those sixteen.
    last = address(reading.modifier, reading.pixels.bytes_per_pixel, reading.stride, first + group - 1, rows)
    assert np.array_equal((rgba[..., :3] == 0).all(axis=2), last >= have)
    assert (rgba[..., 3] == 255).all()


def test_next_to_nothing_is_refused_before_memory_is_taken() -> None:
    """A document may claim a picture of a gigabyte."""
    huge = Reading(drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_MOD_LINEAR, 16384, 16384, 65536)
    for data in (b"", b"a" * 100, b"a" * 1_000_000):
        with pytest.raises(ValueError, match=f"there are {len(data)} of the {huge.size} bytes"):
            raw_picture(memoryview(data), huge)
    beyond = Reading(drm.DRM_FORMAT_C8, drm.DRM_FORMAT_MOD_LINEAR, 4, 4, 4, 1 << 40)
    with pytest.raises(ValueError, match="there are 0 of"):
        raw_picture(memoryview(b"a" * 100), beyond)


def test_the_picture_keeps_nothing_of_the_memory() -> None:
    """A mapping could not be closed while an array uses it."""
    data = bytearray(64 * 64)
    for modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_Yf_TILED):
        raw_picture(memoryview(data), Reading(drm.DRM_FORMAT_C8, modifier, 64, 64, 64))
        data.append(0)
