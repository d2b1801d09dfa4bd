"""Small pictures over a frame."""

import numpy as np
import pytest

from gl import api
from gl.context import Context
from gl.overlay import Overlay
from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, window


def test_pictures_lie_where_they_were_put_and_the_frame_around_them_is_unchanged(
    gl_context: Context, calls: Calls, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    """Premultiplied pixels are blended; parts beyond the target are cut off; a change is seen with the next frame."""
    picture = random_picture(40, 30)
    shown = frame(surfaces.picture(picture))
    half = np.zeros((6, 8, 4), np.uint8)
    half[...] = (100, 50, 0, 128)
    solid = np.full((5, 5, 4), 255, np.uint8)
    with window(gl_context, 40, 30) as (target, canvas):
        overlay = Overlay(gl_context)
        overlay.set("half", half, 3, 4)
        overlay.set("solid", solid, 38, 28)
        for _ in range(2):
            renderer.draw(shown, target)
            overlay.draw(target)
        expected = picture.astype(int)
        blended = expected[4:10, 3:11] * (1 - 128 / 255) + (100, 50, 0, 128)
        expected[4:10, 3:11] = blended
        expected[28:, 38:] = 255
        seen = canvas.read()[::-1]
        assert np.abs(seen.astype(int) - expected)[..., :3].max() <= 1
        outside = np.ones((30, 40), bool)
        outside[4:10, 3:11] = outside[28:, 38:] = False
        assert np.array_equal(seen[outside], picture[outside])

        overlay.set("half", np.full((6, 8, 4), 255, np.uint8), 3, 4)
        renderer.draw(shown, target)
        overlay.draw(target)
        assert (canvas.read()[::-1][4:10, 3:11] == 255).all()
        overlay.release()
        overlay.release()


def test_an_overlay_that_does_not_change_takes_no_memory_per_frame(
    gl_context: Context, calls: Calls, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    shown = frame(surfaces.picture(random_picture(16, 8)))
    with window(gl_context, 16, 8) as (target, _):
        overlay = Overlay(gl_context)
        overlay.set("a", np.full((2, 2, 4), 255, np.uint8), 0, 0)
        renderer.draw(shown, target)
        overlay.draw(target)
        before = calls.copy()
        for _ in range(5):
            overlay.draw(target)
        assert calls.since(before).allocating() == {}
        before = calls.copy()
        overlay.set("a", np.full((2, 2, 4), 128, np.uint8), 0, 0)
        overlay.draw(target)
        assert calls.since(before).allocating() == {"TexSubImage2D": 1}
        overlay.release()


def test_a_picture_may_move_and_the_target_may_change(gl_context: Context, calls: Calls) -> None:
    white = np.full((2, 2, 4), 255, np.uint8)
    overlay = Overlay(gl_context)
    for size in ((16, 8), (30, 20)):
        with window(gl_context, *size) as (target, canvas):
            for place in ((1, 1), (9, 4)):
                gl_context.gl.Clear(api.GL_COLOR_BUFFER_BIT)
                overlay.set("a", white, *place)
                overlay.draw(target)
                rows, columns = np.nonzero((canvas.read()[::-1] == 255).all(axis=2))
                assert (columns.min(), rows.min(), len(rows)) == (*place, 4)
    overlay.release()


@pytest.mark.parametrize("size", [(2, 2), (7, 3)])
def test_a_picture_may_change_its_size(
    size: tuple[int, int], gl_context: Context, calls: Calls, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    shown = frame(surfaces.picture(random_picture(16, 8)))
    with window(gl_context, 16, 8) as (target, canvas):
        overlay = Overlay(gl_context)
        overlay.set("a", np.full((4, 4, 4), 255, np.uint8), 1, 1)
        overlay.set("a", np.full((size[1], size[0], 4), 255, np.uint8), 1, 1)
        renderer.draw(shown, target)
        overlay.draw(target)
        white = (canvas.read()[::-1] == 255).all(axis=2)
        assert np.count_nonzero(white) == size[0] * size[1]
        overlay.release()
