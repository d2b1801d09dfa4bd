"""Modifiers as users write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.formats.modifier import modifier_name
from app.formats.modifier_text import AmbiguousName, parse_modifier
from app.formats.modifiers.vendors import vendor_name
from tests.unit.app.formats.modifiers.samples import MODIFIERS


@pytest.mark.parametrize(
    ("text", "modifier"),
    [
        ("0", 0),
        ("72057594037927937", 0x0100_0000_0000_0001),
        ("0x0100000000000001", 0x0100_0000_0000_0001),
        ("X_TILED", 0x0100_0000_0000_0001),
        ("x_tiled", 0x0100_0000_0000_0001),
        ("INTEL_X_TILED", 0x0100_0000_0000_0001),
        ("I915_FORMAT_MOD_X_TILED", 0x0100_0000_0000_0001),
        ("Yf_TILED", 0x0100_0000_0000_0003),
        ("LINEAR", 0),
        ("INTEL_0x00000000000063", 0x0100_0000_0000_0063),
        ("DRM_FORMAT_MOD_NONE", 0),
        ("DRM_FORMAT_MOD_INVALID", 0x00FF_FFFF_FFFF_FFFF),
        ("DRM_FORMAT_MOD_GENERIC_16_16_TILE", 0x0400_0000_0000_0002),
        ("QCOM_COMPRESSED", 0x0500_0000_0000_0001),
        ("COMPRESSED", 0x0500_0000_0000_0001),
        ("DRM_FORMAT_MOD_NVIDIA_16BX2_BLOCK_FOUR_GOB", 0x0300_0000_0000_0012),
        ("DRM_FORMAT_MOD_BROADCOM_SAND128_COL_HEIGHT(1088)", 0x0700_0000_0004_4004),
        ("BLOCK_SIZE=16x16,MODE=YTR|SPARSE", 0x0800_0000_0000_0051),
        ("AMD_GFX9,64KB_S_X,PIPE_XOR_BITS=2,BANK_XOR_BITS=1", 0x0200_0000_0140_1901),
    ],
)
def test_a_number_or_a_name_is_read(text: str, modifier: int) -> None:
    assert parse_modifier(text) == modifier


@pytest.mark.parametrize(
    "text",
    ["", "X", "0x", "0x1_0", "-1", "٣", "1" * 21, "0x1" + "0" * 16, "LINEAR\0", "GFX9,64KB_S_X", "A" * 100_000],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_modifier(text)


def test_a_name_of_several_vendors_is_refused_with_their_names() -> None:
    with pytest.raises(AmbiguousName, match="ALLWINNER_TILED, VIVANTE_TILED"):
        parse_modifier("TILED")


@settings(deadline=None, max_examples=300)
@given(MODIFIERS)
def test_a_name_that_is_shown_can_be_given(modifier: int) -> None:
    name = modifier_name(modifier)
    if vendor_name(modifier) is None or any(each in name for each in ("UNKNOWN", "INVALID_", "INVALID1", ",TILE=")):
        return
    # Bits without a meaning are in no name.
    assert modifier_name(parse_modifier(name)) == name


@settings(deadline=None)
@given(st.text() | st.text(alphabet="GFX19_64KBSDR,=PIPE0123456789"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        modifier = parse_modifier(text)
    except ValueError as error:
        assert str(error)
        return
    assert 0 <= modifier < 1 << 64
