"""The matrix of formats for people."""

import pytest

from app.abi import drm_fourcc as drm
from app.diagnosis.picture.format_matrix import FormatMatrix, Reach, format_matrix
from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.driver_formats import GVT_G, MDPY, NVIDIA, DriverFormats
from app.formats.fourcc import known_formats
from app.formats.modifier import modifier_name
from ui.cli.aligned import WIDTH
from ui.cli.formats_text import formats_lines

RENDERER = {"name": "a GPU", "egl_vendor": "Mesa", "egl_version": "1.5", "imports_dmabufs": True} | {
    "fallback_reason": None
}
AMD = [drm.fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_AMD, number) for number in range(200)]


def _reach(_driver: DriverFormats, _fourcc: int, modifier: int) -> Reach:
    return Reach.IMPORTED if modifier == drm.DRM_FORMAT_MOD_LINEAR else Reach.NOT_SHOWN


def _lines(matrix: FormatMatrix) -> list[str]:
    return formats_lines(matrix, RENDERER)


def test_the_driver_comes_first_with_a_column_for_each_modifier() -> None:
    lines = _lines(format_matrix(GVT_G, (), _reach))
    start = next(number for number, line in enumerate(lines) if line.startswith("what the driver can report"))
    assert start < lines.index("all that the display imports:")
    assert lines[start + 1].split() == [
        "FORMAT", "NAME", "PLANE", "LINEAR", "INTEL_X_TILED", "INTEL_Y_TILED", "INTEL_Yf_TILED"
    ]  # fmt: skip
    assert lines[start + 2].split() == ["XR24", "XRGB8888", "primary", "import", "-", "-", "*", "-", "*"]
    assert "  *: only on Gen 9 and later" in lines
    assert "  import: imported without a copy" in lines
    assert lines[-1] == "  the display does not tell"


def test_two_hundred_modifiers_fit_a_terminal() -> None:
    display = tuple(
        FormatSupport(each.fourcc, tuple((modifier, each.bytes_per_pixel == 2) for modifier in AMD))
        for each in known_formats()
    )
    lines = _lines(format_matrix(GVT_G, display, _reach))
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) < 150
    text = " ".join(lines)
    assert all(modifier_name(each) in text for each in AMD)
    assert text.count("as an external texture only") == 1, "all modifiers have the same formats"


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (None, "it is not known which formats this driver can report"),
        (GVT_G, "the CPU cannot read its buffers, so nothing is copied"),
        (MDPY, "in a region of the device, which is always copied"),
        (NVIDIA, "the list may lack some"),
    ],
)
def test_what_is_known_of_the_driver_is_said(driver: DriverFormats | None, words: str) -> None:
    assert words in " ".join(" ".join(_lines(format_matrix(driver, (), _reach))).split())


def test_a_display_without_imports_is_named() -> None:
    lines = formats_lines(format_matrix(None, (), _reach), RENDERER | {"imports_dmabufs": False})
    assert any("imports no dma-bufs" in each for each in lines)
