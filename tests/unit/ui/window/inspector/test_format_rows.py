"""The matrix of formats: what the display imports, and what the guest shows of it."""

from app.abi import drm_fourcc as drm
from app.diagnosis.picture_facts import FormatSupport
from ui.window.inspector.format_rows import EXTERNAL, IMPORTED, REFUSED, format_rows, matches, shown_pairs

_X = drm.I915_FORMAT_MOD_X_TILED
_FORMATS = (
    FormatSupport(drm.DRM_FORMAT_ARGB8888, ((0, False), (_X, False))),
    FormatSupport(drm.DRM_FORMAT_YUYV, ((0, True),)),
    FormatSupport(drm.DRM_FORMAT_R8),
)


def test_what_is_on_screen_comes_first_and_what_is_not_imported_is_said() -> None:
    rows = [each.texts for each in format_rows(_FORMATS, frozenset({("AR24", _X), ("XR24", _X)}))]
    assert rows == [
        ("AR24  ARGB8888", "INTEL_X_TILED", IMPORTED, "on screen"),
        ("XR24", "INTEL_X_TILED", REFUSED, "on screen"),
        ("AR24  ARGB8888", "LINEAR", IMPORTED, ""),
        ("YUYV", "LINEAR", EXTERNAL, ""),
        ("R8", "driver's choice", IMPORTED, ""),
    ]


def test_search_finds_rows_with_all_words_in_any_case() -> None:
    rows = [each.texts for each in format_rows(_FORMATS, frozenset())]
    found = [each[:2] for each in rows if matches(each, "ar24 x_tiled")]
    assert found == [("AR24  ARGB8888", "INTEL_X_TILED")]
    assert all(matches(each, "  ") for each in rows) and not any(matches(each, "nv12") for each in rows)


def test_planes_that_are_off_show_nothing() -> None:
    planes = {"primary": {"fourcc": "XR24", "modifier": 0}, "cursor": None}
    assert shown_pairs({"planes": planes}) == {("XR24", 0)} and shown_pairs({}) == frozenset()
