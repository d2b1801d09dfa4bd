"""Formats as users write them."""

import pytest

from app.formats.format_document import format_document
from app.formats.format_text import parse_format
from app.formats.layout import known_layouts

XR24 = 0x34325258


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("XR24", XR24),
        ("xr24", XR24),
        ("0x34325258", XR24),
        ("875713112", XR24),
        ("XRGB8888", XR24),
        ("xrgb8888", XR24),
        ("DRM_FORMAT_XRGB8888", XR24),
        ("XR24_BE", XR24 | 1 << 31),
        ("DRM_FORMAT_XRGB8888_BE", XR24 | 1 << 31),
        ("C8", 0x20203843),
        ("NV12", 0x3231564E),
        ("YUV420", 0x32315559),
        ("zzzz", 0x7A7A7A7A),
    ],
)
def test_a_code_or_a_name_is_read(text: str, code: int) -> None:
    assert parse_format(text) == code


@pytest.mark.parametrize("text", ["", "ABCDE", "0x100000000", "ä", "XR\n4", "X" * 100_000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_format(text)


def test_every_name_and_every_code_leads_to_its_format() -> None:
    for layout in known_layouts().values():
        assert parse_format(layout.name) == parse_format(f"DRM_FORMAT_{layout.name}") == layout.fourcc
        assert parse_format(format_document(layout.fourcc)["fourcc"]) == layout.fourcc
