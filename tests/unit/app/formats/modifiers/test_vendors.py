"""What a modifier means: every set bit is accounted for, and the names are those of libdrm and drm_info."""

import pytest
from hypothesis import given, settings

from app.formats.modifiers.description import VALUE_BITS, Layout
from app.formats.modifiers.vendors import describe, vendor_label, vendor_modifiers, vendor_name
from tests.unit.app.formats.modifiers.samples import MODIFIERS
from tests.unit.app.formats.modifiers.vectors import vectors


def test_the_names_are_those_of_a_recent_libdrm() -> None:
    wanted = vectors("libdrm_names.txt")
    assert len(wanted) > 200
    assert {modifier: describe(modifier).name for modifier in wanted} == wanted


def test_the_forms_of_drm_info_are_what_drm_info_prints() -> None:
    wanted = vectors("drm_info_names.txt")
    assert len(wanted) > 100
    assert {modifier: describe(modifier).drm_info for modifier in wanted} == wanted


@settings(deadline=None, max_examples=500)
@given(MODIFIERS)
def test_every_set_bit_is_in_one_field_or_named_as_unknown(modifier: int) -> None:
    description = describe(modifier)
    seen = description.reserved
    for field in description.fields:
        place = (1 << field.bits) - 1 << field.shift
        assert not seen & place, "two fields share a bit"
        seen |= place
        assert field.value == (modifier & (1 << VALUE_BITS) - 1) >> field.shift & (1 << field.bits) - 1
        assert field.meaning.isprintable() and "{" not in field.meaning
    assert modifier & (1 << VALUE_BITS) - 1 & ~seen == 0
    assert description.reserved & ~modifier == 0


@settings(deadline=None)
@given(MODIFIERS)
def test_c_code_is_only_offered_for_a_value_that_is_defined_as_a_whole(modifier: int) -> None:
    description = describe(modifier)
    if description.macro is not None:
        assert not description.reserved and description.name is not None
    assert (vendor_name(modifier) is None) == vendor_label(modifier).startswith("unknown")


def test_the_headers_fixed_values_are_all_known() -> None:
    assert all(describe(each).layout is not Layout.UNKNOWN and describe(each).name for each in vendor_modifiers())


@pytest.mark.parametrize(
    ("modifier", "layout"),
    [
        (0x0000_0000_0000_0000, Layout.LINEAR),
        (0x00FF_FFFF_FFFF_FFFF, Layout.NONE),
        (0x0100_0000_0000_0002, Layout.TILED),
        (0x0100_0000_0000_0004, Layout.COMPRESSED),
        (0x0200_0000_0000_1901, Layout.TILED),
        (0x0200_0000_0000_3901, Layout.COMPRESSED),
        (0x0200_0000_0000_0005, Layout.LINEAR),
        (0x0200_0000_0000_0C01, Layout.UNKNOWN),
        (0x0300_0000_0060_6013, Layout.TILED),
        (0x0300_0000_00E0_8013, Layout.COMPRESSED),
        (0x0600_0000_0000_0002, Layout.TILED),
        (0x0601_0000_0000_0002, Layout.COMPRESSED),
        (0x0800_0000_0000_0041, Layout.COMPRESSED),
        (0x0810_0000_0000_0001, Layout.TILED),
        (0x0B00_0000_0000_0101, Layout.COMPRESSED),
        (0x0D00_0000_0000_0000, Layout.UNKNOWN),
    ],
)
def test_who_can_read_the_pixels_follows_from_the_fields(modifier: int, layout: Layout) -> None:
    assert describe(modifier).layout is layout


def test_fields_are_explained_in_words() -> None:
    fields = {each.name: each.meaning for each in describe(0x0300_0000_0062_6014).fields}
    assert fields["h"] == "a block has 16 GOBs above each other"
    assert fields["g"] == "GOBs of 8 rows; page kinds from Turing on"
    fields = {each.name: each.meaning for each in describe(0x0200_0000_1040_1B04).fields}
    assert fields["PACKERS"] == "2^2 packers"
    assert fields["TILE"] == "64KB_R_X: blocks of 64 KiB, render target order, XORed by figures of the chip"
    # A figure of another generation's GPUs is shown, and said to have no meaning.
    fields = {each.name: each.meaning for each in describe(0x0200_0000_1040_1B01).fields}
    assert fields["PACKERS"] == "has no meaning with the other fields"
