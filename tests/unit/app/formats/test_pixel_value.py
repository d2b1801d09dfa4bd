"""One pixel as its channels: against the decoder and the converter of whole planes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats import tiling, yuv
from app.formats.decode import decode
from app.formats.fourcc import Family, PixelFormat, known_formats, pixel_format
from app.formats.modifier import tile_of
from app.formats.pixel_value import ChannelValue, PixelValue, byte_offsets, pixel_value

MODIFIERS = (
    drm.DRM_FORMAT_MOD_LINEAR,
    drm.DRM_FORMAT_MOD_INVALID,
    drm.I915_FORMAT_MOD_X_TILED,
    drm.I915_FORMAT_MOD_Y_TILED,
    drm.I915_FORMAT_MOD_Yf_TILED,
    drm.I915_FORMAT_MOD_4_TILED,
)
Rows = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@st.composite
def pixels(draw: st.DrawFn) -> tuple[PixelFormat, Rows, int, int]:
    """A format, the rows of a picture, and a pixel of it."""
    format_ = draw(st.sampled_from(known_formats()))
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 70))
    seed = draw(st.integers(0, 2**32 - 1))
    rows = np.random.default_rng(seed).integers(0, 256, (height, format_.row_bytes(width)), np.uint8)
    return format_, rows, draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))


def decoded(value: PixelValue, format_: PixelFormat) -> list[int]:
    """The colour of a pixel, from its channels alone."""
    by_name = {each.name: each for each in value.channels}
    if format_.family is Family.GREY:
        return [by_name["index"].value] * 3 + [255]
    if format_.family is Family.YUV422:
        samples = [by_name[name].value / 255 for name in ("Y", "Cb", "Cr")]
        centred = [each - start for each, start in zip(samples, yuv.SAMPLE_OFFSET, strict=True)]
        rows = yuv.rgb_from_yuv(yuv.Matrix.BT601)
        colour = [sum(a * b for a, b in zip(row, centred, strict=True)) for row in rows]
        return [int(min(max(each, 0), 1) * 255 + 0.5) for each in colour] + [255]
    full = {name: round(each.value * 255 / ((1 << each.bits) - 1)) for name, each in by_name.items()}
    return [full.get(name, 255) for name in "RGBA"]


@given(pixels(), st.sampled_from(MODIFIERS), st.integers(0, 2))
def test_a_pixel_of_any_layout_has_the_colour_that_the_decoder_gives_it(
    pixel: tuple[PixelFormat, Rows, int, int], modifier: int, padding: int
) -> None:
    format_, rows, x, y = pixel
    size = format_.bytes_per_pixel
    tile = tile_of(modifier, size)
    if modifier == drm.I915_FORMAT_MOD_Yf_TILED and tile is None:
        with pytest.raises(ValueError, match="is not known"):
            byte_offsets(format_, modifier, 4096, x, y)
        return
    unit = tile.width_bytes if tile is not None else 1
    stride = (-(-rows.shape[1] // unit) + padding) * unit
    layout = modifier if tile is not None else drm.DRM_FORMAT_MOD_LINEAR
    memory = tiling.tile(rows, layout, size, stride)
    offsets = byte_offsets(format_, modifier, stride, x, y)
    value = pixel_value(memory[list(offsets)].tobytes(), format_, x)
    width = rows.shape[1] // size
    expected = decode(rows, format_, width)[y, x].tolist()
    tolerance = 1 if format_.family is Family.YUV422 else 0
    assert all(
        abs(ours - theirs) <= tolerance for ours, theirs in zip(decoded(value, format_), expected, strict=True)
    ), (value, expected)


@given(st.sampled_from(known_formats()), st.binary(max_size=8), st.integers(0, 1))
def test_any_bytes_are_a_pixel_or_an_error(format_: PixelFormat, raw: bytes, x: int) -> None:
    try:
        value = pixel_value(raw, format_, x)
    except ValueError:
        assert len(raw) != format_.bytes_per_pixel * format_.width_multiple
        return
    assert value.raw == raw
    assert all(0 <= each.value < 1 << each.bits for each in value.channels)


@pytest.mark.parametrize(
    ("fourcc", "raw", "x", "expected"),
    [
        (drm.DRM_FORMAT_RGB565, "1ff8", 0, [("R", 31, 5), ("G", 0, 6), ("B", 31, 5)]),
        (drm.DRM_FORMAT_ARGB2101010, "ff03c0ff", 0, [("R", 1020, 10), ("G", 0, 10), ("B", 1023, 10), ("A", 3, 2)]),
        (drm.DRM_FORMAT_XRGB8888, "33221177", 3, [("R", 0x11, 8), ("G", 0x22, 8), ("B", 0x33, 8)]),
        (drm.DRM_FORMAT_YUYV, "10203040", 4, [("Y", 0x10, 8), ("Cb", 0x20, 8), ("Cr", 0x40, 8)]),
        (drm.DRM_FORMAT_YUYV, "10203040", 5, [("Y", 0x30, 8), ("Cb", 0x20, 8), ("Cr", 0x40, 8)]),
        (drm.DRM_FORMAT_C8, "2a", 9, [("index", 42, 8)]),
    ],
)
def test_values_known_by_heart(fourcc: int, raw: str, x: int, expected: list[tuple[str, int, int]]) -> None:
    format_ = pixel_format(fourcc)
    assert format_ is not None
    assert pixel_value(bytes.fromhex(raw), format_, x).channels == tuple(ChannelValue(*each) for each in expected)
