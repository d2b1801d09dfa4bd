"""The matrix of formats: what the display imports, what the driver can report, and what the guest shows."""

from app.abi import drm_fourcc as drm
from app.diagnosis.picture.format_matrix import EmittedReach, Reach
from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.driver_formats import EmittedFormat
from ui.window.inspector.format_rows import format_rows, matches, shown_pairs

_X = drm.I915_FORMAT_MOD_X_TILED
_FORMATS = (
    FormatSupport(drm.DRM_FORMAT_R8),
    FormatSupport(drm.DRM_FORMAT_ARGB8888, ((0, False), (_X, False))),
    FormatSupport(drm.DRM_FORMAT_BGR888, ((0, True),)),
)
_EMITTED = (
    EmittedReach(EmittedFormat(drm.DRM_FORMAT_YUYV, _X, ("primary",), "Gen 9 and later"), Reach.COPIED),
    EmittedReach(EmittedFormat(drm.DRM_FORMAT_ARGB8888, 0, ("primary",)), Reach.IMPORTED),
    EmittedReach(EmittedFormat(drm.DRM_FORMAT_ARGB8888, 0, ("cursor",)), Reach.IMPORTED),
)


def test_what_is_on_screen_comes_first_then_what_the_driver_reports() -> None:
    rows = [each.texts for each in format_rows(_FORMATS, _EMITTED, frozenset({("YUYV", _X), ("XR24", _X)}))]
    assert rows == [
        ("XR24", "INTEL_X_TILED", "not imported", "on screen"),
        ("YUYV", "INTEL_X_TILED", "copied", "on screen, primary, Gen 9 and later"),
        ("AR24 ARGB8888", "LINEAR", "imported", "primary, cursor"),
        ("R8", "driver's choice", "imported", ""),
        ("AR24 ARGB8888", "INTEL_X_TILED", "imported", ""),
        ("BG24 BGR888", "LINEAR", "external only", ""),
    ]


def test_search_finds_rows_with_all_words_in_any_case() -> None:
    rows = [each.texts for each in format_rows(_FORMATS, _EMITTED, frozenset())]
    found = [each[:2] for each in rows if matches(each, "ar24 x_tiled")]
    assert found == [("AR24 ARGB8888", "INTEL_X_TILED")]
    assert all(matches(each, "  ") for each in rows) and not any(matches(each, "nv21") for each in rows)


def test_planes_that_are_off_show_nothing() -> None:
    planes = {"primary": {"fourcc": "XR24", "modifier": 0}, "cursor": None}
    assert shown_pairs({"planes": planes}) == {("XR24", 0)} and shown_pairs({}) == frozenset()
