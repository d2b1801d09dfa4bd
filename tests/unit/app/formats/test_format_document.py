"""What is said about a fourcc."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.format_document import format_document, format_lines
from app.formats.layout import known_layouts


def text(code: int) -> str:
    return "\n".join(format_lines(format_document(code)))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("XR24", "XR24  0x34325258  XRGB8888, a pixel format"),
        ("XR24", "[31:0] x:R:G:B 8:8:8:8 little endian"),
        ("YUYV", "[31:0] Cr0:Y1:Cb0:Y0 8:8:8:8 little endian"),
        ("NV12", "content:   YCbCr 4:2:0; 2 planes, 12 bits a pixel"),
        ("NV12", "plane 1, Cr Cb: 2 bytes for 2 x 2 pixels"),
        ("NV12", "does not show it"),
        ("C8", "[7:0] C 8\n"),
        ("YU08", "no linear layout is defined"),
        ("zzzz", "an unknown fourcc"),
    ],
)
def test_people_read(code: str, words: str) -> None:
    assert words in text(drm.fourcc_code(code.ljust(4)))


def test_the_big_endian_flag_is_told() -> None:
    big = text(drm.DRM_FORMAT_XRGB8888 | drm.DRM_FORMAT_BIG_ENDIAN)
    assert "XR24_BE  0xb4325258" in big and "[31:0] x:R:G:B 8:8:8:8 big endian" in big
    assert "DRM_FORMAT_XRGB8888 | DRM_FORMAT_BIG_ENDIAN" in big
    assert "DRM_FORMAT_INVALID, which stands for no format" in text(0)


@settings(deadline=None)
@given(st.sampled_from(sorted(known_layouts())) | st.integers(0, (1 << 32) - 1), st.booleans())
def test_any_code_is_explained(code: int, big_endian: bool) -> None:
    code |= drm.DRM_FORMAT_BIG_ENDIAN * big_endian
    document = format_document(code)
    assert json.loads(json.dumps(document)) == document
    lines = format_lines(document)
    assert all(line.isprintable() and len(line) <= 120 for line in lines)
    assert f"0x{code:08x}" in lines[0]
    assert (document["format_name"] is None) == (code & 0x7FFF_FFFF not in known_layouts())
