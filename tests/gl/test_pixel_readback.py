"""Single pixels as the GPU sees them: for a loupe, and where the CPU cannot read a plane."""

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.plane import PlaneKind
from gl import api
from gl.context import Context
from gl.draw_options import DrawOptions, View
from gl.pixel_readback import PixelReadback
from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, random_rows, reference, window

SIZE = (48, 32)


@pytest.mark.parametrize("view", [View.NORMAL, View.ALPHA, View.DIFFERENCE])
@pytest.mark.parametrize("corner", [(10, 8), (-7, -7), (40, 25), (200, 0)])
def test_a_part_of_the_composite_in_its_true_colours_in_every_view(
    gl_context: Context, calls: Calls, renderer: Renderer, surfaces: SurfaceFactory, view: View, corner: tuple[int, int]
) -> None:
    cursor = random_picture(16, 16, 1)
    cursor[..., 3] = 255
    shown = frame(surfaces.picture(random_picture(*SIZE)), surfaces.cursor(cursor, (40, 20)))
    whole = renderer.capture(shown)
    assert whole is not None
    options = DrawOptions(view=view)
    with window(gl_context, *SIZE) as (target, canvas):
        renderer.draw(shown, target, options)
        drawn = canvas.read()
        readback = PixelReadback(renderer)
        left, top = corner
        seen = readback.composite(shown, options, left, top, 15)
        assert readback.plane(PlaneKind.PRIMARY, options, 3, 4) == tuple(whole[4, 3])
        assert gl_context.gl.integer(api.GL_FRAMEBUFFER_BINDING) == target.framebuffer
        renderer.draw(shown, target, options)
        assert np.array_equal(canvas.read(), drawn)
        readback.release()
    padded = np.zeros((600, 600, 4), np.uint8)
    padded[100 : 100 + SIZE[1], 100 : 100 + SIZE[0]] = whole
    assert np.array_equal(seen, padded[100 + top : 115 + top, 100 + left : 115 + left])


@pytest.mark.parametrize("inverted", [False, True])
def test_a_pixel_of_each_plane_with_its_alpha(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, inverted: bool
) -> None:
    rows = random_rows(drm.DRM_FORMAT_YUYV, *SIZE)
    cursor = random_picture(8, 8, 1)
    cursor[..., 3] = np.arange(64).reshape(8, 8)
    cursor[..., :3] //= 8
    primary = surfaces.surface(rows, drm.DRM_FORMAT_YUYV, SIZE[0], y_inverted=inverted)
    shown = frame(primary, surfaces.cursor(cursor, (-3, 50)))
    with window(gl_context, *SIZE) as (target, _):
        renderer.draw(shown, target)
        readback = PixelReadback(renderer)
        expected = reference(rows, drm.DRM_FORMAT_YUYV, SIZE[0])
        for x, y in ((0, 0), (47, 31), (17, 5)):
            seen = readback.plane(PlaneKind.PRIMARY, DrawOptions(), x, y)
            assert seen is not None and np.abs(np.array(seen) - expected[y, x]).max() <= 1
        assert readback.plane(PlaneKind.CURSOR, DrawOptions(), 5, 2) == tuple(cursor[2, 5])
        renderer.draw(frame(None), target)
        assert readback.plane(PlaneKind.CURSOR, DrawOptions(), 5, 2) is None
        assert not readback.composite(frame(None), DrawOptions(), 0, 0, 5).any()
        readback.release()
