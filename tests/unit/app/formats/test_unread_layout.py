"""What is refused as compressed is what `mdevview decode` calls compressed."""

from hypothesis import given, settings

from app.formats.modifiers.description import Layout
from app.formats.modifiers.vendors import describe
from app.formats.unread_layout import compression_of
from tests.unit.app.formats.modifiers.samples import MODIFIERS


@settings(deadline=None, max_examples=500)
@given(MODIFIERS)
def test_the_two_descriptions_of_a_modifier_agree(modifier: int) -> None:
    layout = describe(modifier).layout
    if layout is not Layout.UNKNOWN:
        assert (compression_of(modifier) is not None) == (layout is Layout.COMPRESSED)


def test_newer_vendors_have_a_reason_too() -> None:
    assert compression_of(0x0C00_0000_0000_0002) is not None
    assert compression_of(0x0B00_0000_0000_0101) is not None
    assert compression_of(0x0C00_0000_0000_0001) is None
