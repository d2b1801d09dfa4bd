"""The text of --as, and readings made of what is given and what is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.fourcc import known_formats
from app.formats.reading import (
    MAX_EDGE,
    NOTHING,
    SHORT_MODIFIERS,
    Parts,
    Reading,
    least_stride,
    parse_layout,
    parse_parts,
    read_as,
)

XR24, LINEAR, X = drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED
Y_CCS = drm.I915_FORMAT_MOD_Y_TILED_CCS
DEVICE = Parts(XR24, LINEAR, (1024, 768), 4096)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("XR24", Parts(XR24)),
        ("xrgb8888:x", Parts(XR24, X)),
        ("0x34325258:0x100000000000001", Parts(XR24, X)),
        ("XR24::1920x1080", Parts(XR24, None, (1920, 1080))),
        (":X", Parts(None, X)),
        (":::7680", Parts(stride=7680)),
        ("C8:4", Parts(drm.DRM_FORMAT_C8, drm.I915_FORMAT_MOD_4_TILED)),
        ("YUYV:INTEL_Yf_TILED:3x5:128", Parts(drm.DRM_FORMAT_YUYV, drm.I915_FORMAT_MOD_Yf_TILED, (3, 5), 128)),
        (":I915_FORMAT_MOD_Y_TILED_CCS", Parts(None, Y_CCS)),
        ("", NOTHING),
    ],
)
def test_what_users_type(text: str, parts: Parts) -> None:
    assert parse_parts(text) == parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("XR24:X:1x1:1:1", "not of the form FORMAT"),
        ("XR24A", "not a fourcc"),
        ("XR24:Z", "no modifier"),
        (f":{1 << 64}", "no modifier"),
        ("::0x5", "not of the form WIDTHxHEIGHT"),
        ("::1920*1080", "not of the form WIDTHxHEIGHT"),
        (":::-5", "no stride"),
        (":::٣", "no stride"),
        (":::9999999", "no stride"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_parts(text)


@given(
    st.sampled_from(known_formats()),
    st.sampled_from(tuple(SHORT_MODIFIERS.values())),
    st.integers(1, MAX_EDGE),
    st.integers(1, MAX_EDGE),
)
def test_a_reading_as_text_is_the_same_reading(format_, modifier: int, width: int, height: int) -> None:  # type: ignore[no-untyped-def]
    """What --guess prints can be pasted behind --as."""
    try:
        reading = read_as(Parts(format_.fourcc, modifier, (width, height)), NOTHING)
    except ValueError as error:
        # Yf has no layout for three bytes a pixel.
        assert format_.bytes_per_pixel == 3 and "3 bytes a pixel" in str(error)
        return
    assert reading.stride == least_stride(format_, modifier, width)
    assert read_as(parse_parts(str(reading)), NOTHING) == reading
    assert reading.size <= reading.stride * (height + 63)


def test_what_is_not_given_is_kept() -> None:
    assert read_as(parse_parts(":X"), DEVICE) == Reading(XR24, X, 1024, 768, 4096)
    assert read_as(parse_parts("XB24"), DEVICE, 64) == Reading(drm.DRM_FORMAT_XBGR8888, LINEAR, 1024, 768, 4096, 64)
    assert read_as(parse_parts("::1000x700"), DEVICE).stride == 4096


def test_a_stride_that_does_not_fit_any_more_is_the_least() -> None:
    assert read_as(parse_parts("::1366x768"), DEVICE).stride == 1366 * 4
    assert read_as(parse_parts(":X"), Parts(XR24, LINEAR, (1000, 768), 4000)).stride == 4096
    with pytest.raises(ValueError, match="stride of 4000"):
        read_as(parse_parts(":::4000"), DEVICE)


def test_what_is_in_neither_is_asked_for() -> None:
    with pytest.raises(ValueError, match="the format is not known"):
        read_as(parse_parts("::64x64"), NOTHING)
    with pytest.raises(ValueError, match="the size is not known"):
        read_as(parse_parts("XR24"), NOTHING)


_INTEGERS = st.integers(-(1 << 70), 1 << 70) | st.integers(-2, 70000)


@given(st.sampled_from((XR24, 0, (1 << 32) - 1)), _INTEGERS, _INTEGERS, _INTEGERS, _INTEGERS, _INTEGERS)
def test_no_values_make_an_impossible_reading(
    fourcc: int, modifier: int, width: int, height: int, stride: int, offset: int
) -> None:
    try:
        reading = Reading(fourcc, modifier, width, height, stride, offset)
    except ValueError:
        return
    assert 0 < reading.size < 1 << 33
    assert reading.stride >= reading.pixels.row_bytes(width)


def test_a_compressed_layout_is_named_with_its_aux_plane() -> None:
    for text, words in (
        ("INTEL_Y_TILED_CCS", "is compressed: Y tiles .*; plane 1 is the linear compression control surface .CCS."),
        ("0x200000000002001", "compressed .DCC.; plane 1 holds the DCC data"),
        ("0x800000000000001", "is compressed: AFBC"),
        ("0x500000000000001", "is compressed: .*UBWC"),
        ("0x300000000000010", "cannot undo"),
        ("0xffffffffffffff", "INVALID"),
    ):
        with pytest.raises(ValueError, match=words):
            Reading(XR24, parse_layout(text), 64, 64, 512)
