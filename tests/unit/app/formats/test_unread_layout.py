"""What the CPU refuses to read, and why, follows from what `mdevview decode` says of the modifier."""

from hypothesis import given, settings

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.fourcc import pixel_format
from app.formats.modifiers.description import Layout
from app.formats.modifiers.vendors import describe
from app.formats.unread_layout import why_unread
from tests.unit.app.formats.modifiers.samples import MODIFIERS

_XR24 = pixel_format(drm.DRM_FORMAT_XRGB8888)


@settings(deadline=None, max_examples=500)
@given(MODIFIERS)
def test_a_layout_is_refused_unless_it_can_be_tiled_and_compression_is_named(modifier: int) -> None:
    assert _XR24 is not None
    why = why_unread(modifier, _XR24)
    assert (why is None) == tiling.can_tile(modifier, 4) or modifier == drm.DRM_FORMAT_MOD_INVALID
    assert ("is compressed: " in (why or "")) == (describe(modifier).layout is Layout.COMPRESSED)


def test_compression_of_newer_vendors_is_named_too() -> None:
    assert _XR24 is not None
    for modifier, compressed in (
        (0x0C00_0000_0000_0002, True),
        (0x0B00_0000_0000_0101, True),
        (0x0C00_0000_0000_0001, False),
    ):
        assert ("is compressed: " in (why_unread(modifier, _XR24) or "")) == compressed
