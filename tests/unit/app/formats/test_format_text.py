"""Formats as users write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.format_document import format_document, format_lines
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


@settings(deadline=None)
@given(st.sampled_from(sorted(known_layouts())) | st.integers(0, (1 << 32) - 1), st.booleans())
def test_any_code_is_explained(code: int, big_endian: bool) -> None:
    code |= drm.DRM_FORMAT_BIG_ENDIAN * big_endian
    document = format_document(code)
    lines = format_lines(document)
    assert all(line.isprintable() and len(line) <= 120 for line in lines)
    assert f"0x{code:08x}" in lines[0]
    assert (document["format_name"] is None) == (code & 0x7FFF_FFFF not in known_layouts())
