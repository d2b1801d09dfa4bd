"""Whether a picture has one colour, found without what the window draws being disturbed."""

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from gl.one_colour import one_colour
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.surfaces import SurfaceFactory, frame, random_rows

XR24 = drm.DRM_FORMAT_XRGB8888
WIDTH, HEIGHT = 300, 200


@pytest.mark.parametrize("where", [None, (0, 0), (100, 150), (199, 299)])
def test_one_pixel_of_another_colour_is_found_wherever_it_is(
    where: tuple[int, int] | None, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    rows = np.tile(np.array([0x30, 0x20, 0x10, 0x55], np.uint8), (HEIGHT, WIDTH))
    if where is not None:
        rows[where[0], 4 * where[1]] = 0x31
    surface = surfaces.surface(rows, XR24, WIDTH)
    assert one_colour(renderer, frame(surface)) == ((0x10, 0x20, 0x30, 0xFF) if where is None else None)


def test_without_a_plane_there_is_no_colour(renderer: Renderer) -> None:
    assert one_colour(renderer, frame(None)) is None


def test_the_window_still_sees_changes_of_what_it_drew(
    renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget
) -> None:
    shown = frame(surfaces.surface(random_rows(XR24, WIDTH, HEIGHT), XR24, WIDTH))
    result = renderer.draw(shown, target)
    one_colour(renderer, shown)
    assert renderer.look(shown) is not None
    assert renderer.draw(shown, target) is result
