"""What the window says of a view: what is seen, or why nothing is."""

import pytest

from app.abi import drm_fourcc as drm
from app.planes.plane import Backing, Plane, PlaneKind
from gl.draw_options import View
from ui.window.picture.view_notice import checkerboard_notice, view_notice


def plane(fourcc: int = drm.DRM_FORMAT_XRGB8888, modifier: int = 0) -> Plane:
    return Plane(PlaneKind.PRIMARY, Backing.DMABUF, fourcc, modifier, 64, 64, 512, 0, 0, 0, None, None)


@pytest.mark.parametrize(
    ("view", "shown", "expected"),
    [
        (View.TILES, plane(modifier=drm.I915_FORMAT_MOD_X_TILED), "Tiles of INTEL_X_TILED: 128x8 pixels of XRGB8888"),
        (View.TILES, plane(drm.DRM_FORMAT_RGB565, drm.I915_FORMAT_MOD_Y_TILED), "Tiles of INTEL_Y_TILED: 64x32"),
        (View.TILES, plane(), "No tiles: the plane is LINEAR"),
        (View.TILES, plane(modifier=drm.I915_FORMAT_MOD_Y_TILED_CCS), "No lines: the tiles of INTEL_Y_TILED_CCS are"),
        (View.ALPHA, plane(), "Alpha as grey: white is opaque, as all of XRGB8888 is."),
        (View.ALPHA, plane(drm.DRM_FORMAT_ARGB8888), "Alpha as grey: white is opaque."),
    ],
)
def test_what_is_seen_depends_on_the_plane(view: View, shown: Plane, expected: str) -> None:
    assert view_notice(view, shown).startswith(expected)


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("shown", [None, plane(0x20202020, 0xFF << 56)])
def test_every_view_has_words_and_tells_how_to_leave_it(view: View, shown: Plane | None) -> None:
    """Also without a plane, and for one that nothing knows."""
    assert view_notice(view, shown).endswith("normal picture") and checkerboard_notice(shown)


def test_the_checkerboard_needs_alpha() -> None:
    assert checkerboard_notice(plane()) == "No checkerboard is seen: XRGB8888 has no alpha"
