"""What a driver can report against what a display imports."""

import json

from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.diagnosis.picture.format_matrix import (
    FormatMatrix,
    ModifierGroup,
    Reach,
    format_matrix,
    groups,
    matrix_document,
    search,
    without_modifiers,
)
from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.driver_formats import GVT_G, MBOCHS, DriverFormats

XR24, AR24, NV12 = drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_ARGB8888, drm.fourcc_code("NV12")
LINEAR, X, Y = drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Y_TILED
DISPLAY = (
    FormatSupport(XR24, ((LINEAR, False), (X, False), (Y, False))),
    FormatSupport(AR24, ((LINEAR, False), (X, False), (Y, False))),
    FormatSupport(NV12, ((LINEAR, True), (X, True))),
    FormatSupport(drm.DRM_FORMAT_C8),
)


def _reach(driver: DriverFormats, fourcc: int, modifier: int) -> Reach:
    assert driver in (GVT_G, MBOCHS)
    return Reach.IMPORTED if (fourcc, modifier) == (XR24, LINEAR) else Reach.NOT_SHOWN


def _matrix(driver: DriverFormats | None = GVT_G) -> FormatMatrix:
    return format_matrix(driver, DISPLAY, _reach)


def test_each_pair_that_the_driver_can_report_has_its_reach() -> None:
    matrix = _matrix()
    reaches = {(each.emitted.fourcc, each.emitted.modifier): each.reach for each in matrix.emitted}
    assert reaches[XR24, LINEAR] is Reach.IMPORTED
    assert reaches[drm.DRM_FORMAT_YUYV, drm.I915_FORMAT_MOD_Yf_TILED] is Reach.NOT_SHOWN
    assert len(matrix.emitted) == 12 * 4 + 1


def test_without_a_known_driver_the_display_is_still_told() -> None:
    document = matrix_document(_matrix(None))
    assert document["driver"] is None
    assert [each["fourcc"] for each in document["display"]] == ["XR24", "AR24", "NV12", "C8"]


def test_modifiers_with_equal_formats_are_one_group() -> None:
    assert groups(DISPLAY) == (
        ModifierGroup((LINEAR, X), (XR24, AR24) if XR24 < AR24 else (AR24, XR24), (NV12,)),
        ModifierGroup((Y,), (XR24, AR24) if XR24 < AR24 else (AR24, XR24), ()),
    )
    assert without_modifiers(DISPLAY) == (drm.DRM_FORMAT_C8,)


def test_the_document_has_every_pair() -> None:
    document = matrix_document(_matrix())
    nv12 = document["display"][2]
    assert (nv12["shown"], nv12["modifiers"][0]["external_only"], nv12["modifiers"][0]["emitted"]) == (
        False,
        True,
        False,
    )
    xr24 = document["display"][0]
    assert xr24["shown"]
    assert [each["emitted"] for each in xr24["modifiers"]] == [True, True, True]
    first = document["driver"]["formats"][0]
    assert (first["fourcc"], first["modifier_name"], first["planes"]) == ("XR24", "LINEAR", ["primary"])
    assert (first["reach"], first["condition"]) == ("imported", None)
    assert json.loads(json.dumps(document)) == document


def test_a_search_takes_parts_of_names_in_any_case() -> None:
    found = search(_matrix(), "xr24 x_tiled")
    assert found.display == (FormatSupport(XR24, ((X, False),)),)
    assert [(each.emitted.fourcc, each.emitted.modifier) for each in found.emitted] == [(XR24, X)]
    assert search(_matrix(), "nv12").emitted == ()
    assert search(_matrix(), f"0x{Y:x}").display[0].modifiers == ((Y, False),)
    assert search(_matrix(), "c8").display == (FormatSupport(drm.DRM_FORMAT_C8),), "also without a modifier"
    assert search(_matrix(), " ") == _matrix()
    assert search(_matrix(), "nonsense").display == ()


@given(
    st.lists(
        st.builds(
            FormatSupport,
            st.integers(0, 2**32 - 1),
            st.lists(st.tuples(st.integers(0, 2**64 - 1), st.booleans()), max_size=4).map(tuple),
        ),
        max_size=6,
    ),
    st.text(max_size=8),
)
def test_no_pair_of_a_display_is_lost_or_added(display: list[FormatSupport], text: str) -> None:
    pairs = {(each.fourcc, *one) for each in display for one in each.modifiers}
    told = {
        (fourcc, modifier, external)
        for group in groups(display)
        for modifier in group.modifiers
        for external, fourccs in ((False, group.formats), (True, group.external))
        for fourcc in fourccs
    }
    assert told == pairs
    found = search(FormatMatrix(None, (), tuple(display)), text).display
    assert {(each.fourcc, *one) for each in found for one in each.modifiers} <= pairs
    json.dumps(matrix_document(FormatMatrix(None, (), tuple(display))))
