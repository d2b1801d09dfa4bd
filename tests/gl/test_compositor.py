"""Where pixels are drawn: place, scale, flips, blending, the edges of the cursor."""

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.placement import Rect, Rotation, Scaling
from gl import api
from gl.capture import CaptureKind
from gl.context import Context
from gl.debug import DebugLog
from gl.draw_options import DrawOptions
from gl.errors import GlError
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, random_picture, surface_factory, window


def shown(
    context: Context,
    renderer: Renderer,
    primary: Bytes,
    cursor: tuple[Bytes, tuple[int, int]] | None,
    size: tuple[int, int],
    options: DrawOptions,
    area: Rect | None = None,
) -> Bytes:
    """The pixels of a window of ``size``, top row first."""
    with surface_factory() as surfaces, window(context, *size) as (target, canvas):
        upper = surfaces.cursor(*cursor) if cursor else None
        whole = RenderTarget(target.width, target.height, target.framebuffer, area)
        renderer.draw(frame(surfaces.picture(primary), upper), whole, options)
        return canvas.read()[::-1]


def blended(lower: Bytes, upper: Bytes, *, straight: bool = False) -> Bytes:
    """Premultiplied (or straight) colours over opaque ones."""
    alpha = upper[..., 3:] / 255
    colour = upper[..., :3] * (alpha if straight else 1)
    result = lower.astype(float)
    result[..., :3] = colour + lower[..., :3] * (1 - alpha)
    rounded: Bytes = np.rint(np.clip(result, 0, 255)).astype(np.uint8)
    return rounded


def with_cursor(primary: Bytes, cursor: Bytes, x: int, y: int, *, straight: bool = False) -> Bytes:
    """The composite at the guest's size."""
    height, width, _ = primary.shape
    result = primary.copy()
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + cursor.shape[1], width), min(y + cursor.shape[0], height)
    if left < right and top < bottom:
        part = cursor[top - y : bottom - y, left - x : right - x]
        lower = result[top:bottom, left:right]
        result[top:bottom, left:right] = blended(lower, part, straight=straight)
    return result


def arrow(width: int = 9, height: int = 7) -> Bytes:
    """A cursor with transparent, half-transparent and opaque parts, premultiplied."""
    pixels = random_picture(width, height, 5)
    pixels[..., 3] = np.linspace(0, 255, width * height).reshape(height, width).astype(np.uint8)
    pixels[..., :3] = pixels[..., :3] * (pixels[..., 3:] / 255)
    return pixels


def magnified(picture: Bytes, factor: int) -> Bytes:
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


PLACES = [(0, 0), (10, 5), (-4, 3), (3, -6), (40, 20), (43, 21), (47, 23), (-8, -6)]
OUTSIDE = [(48, 0), (0, 24), (-9, 0), (0, -7), (-2000, 9), (2**31 - 1, 0), (-(2**31), -(2**31))]


@pytest.mark.parametrize("at", [*PLACES, *OUTSIDE])
@pytest.mark.parametrize("factor", [1, 2])
def test_cursor_is_where_the_guest_put_it(
    gl_context: Context, renderer: Renderer, at: tuple[int, int], factor: int
) -> None:
    primary, cursor = random_picture(48, 24), arrow()
    size = (48 * factor, 24 * factor)
    actual = shown(gl_context, renderer, primary, (cursor, at), size, DrawOptions())
    expected = magnified(with_cursor(primary, cursor, *at), factor)
    assert np.abs(actual.astype(int) - expected).max() <= 1
    # Pixels outside the cursor are exact.
    untouched = (expected == magnified(primary, factor)).all(axis=-1)
    assert (actual[untouched] == expected[untouched]).mean() > 0.99


@pytest.mark.parametrize("at", PLACES)
def test_composite_is_captured_at_the_guests_size(
    renderer: Renderer, surfaces: SurfaceFactory, at: tuple[int, int]
) -> None:
    primary, cursor = random_picture(48, 24), arrow()
    shown = frame(surfaces.picture(primary), surfaces.cursor(cursor, at))
    actual = renderer.capture(shown)
    assert actual is not None
    assert np.abs(actual.astype(int) - with_cursor(primary, cursor, *at)).max() <= 1
    assert (actual[..., 3] == 255).all()
    plain = renderer.capture(shown, CaptureKind.COMPOSITE, DrawOptions(cursor=False))
    assert plain is not None and (plain == primary).all()


def test_cursor_is_captured_whole_with_its_alpha(renderer: Renderer, surfaces: SurfaceFactory) -> None:
    cursor = arrow()
    actual = renderer.capture(frame(None, surfaces.cursor(cursor, (-5, -5))), CaptureKind.CURSOR)
    assert actual is not None
    assert (actual == cursor).all()


def test_straight_alpha(gl_context: Context, renderer: Renderer) -> None:
    primary, cursor = random_picture(48, 24), random_picture(8, 8, 1)
    cursor[..., 3] = 100
    actual = shown(gl_context, renderer, primary, (cursor, (3, 3)), (48, 24), DrawOptions(straight_alpha=True))
    assert np.abs(actual.astype(int) - with_cursor(primary, cursor, 3, 3, straight=True)).max() <= 1
    assert (actual[..., 3] == 255).all()


@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
def test_flips_turn_picture_and_cursor_alike(
    gl_context: Context, renderer: Renderer, flip_x: bool, flip_y: bool
) -> None:
    primary, cursor = random_picture(48, 24), arrow()
    actual = shown(
        gl_context, renderer, primary, (cursor, (-3, 20)), (96, 48), DrawOptions(flip_x=flip_x, flip_y=flip_y)
    )
    expected = magnified(with_cursor(primary, cursor, -3, 20), 2)
    expected = expected[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    assert np.abs(actual.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("rotation", Rotation)
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("at", [(-3, 20), (41, -2)])
def test_turned_pictures_are_exact_with_their_cursor_and_mirrored_as_they_are_seen(
    gl_context: Context, renderer: Renderer, rotation: Rotation, flip_x: bool, at: tuple[int, int]
) -> None:
    primary, cursor = random_picture(48, 24), arrow()
    size = (48, 96) if rotation.sideways else (96, 48)
    actual = shown(gl_context, renderer, primary, (cursor, at), size, DrawOptions(rotation=rotation, flip_x=flip_x))
    # rot90 turns counterclockwise.
    expected = np.rot90(magnified(with_cursor(primary, cursor, *at), 2), -rotation.value // 90)
    expected = expected[:, :: -1 if flip_x else 1]
    assert np.abs(actual.astype(int) - expected).max() <= 1
    # A picture in whole multiples is not filtered.
    untouched = np.rot90(magnified(primary, 2), -rotation.value // 90)[:, :: -1 if flip_x else 1]
    assert (actual == untouched).all(axis=-1).mean() > 0.9


def test_a_turned_picture_is_cut_to_its_area(gl_context: Context, renderer: Renderer) -> None:
    primary, cursor = random_picture(64, 48), arrow()
    options = DrawOptions(scaling=Scaling.ACTUAL, rotation=Rotation.RIGHT, background=(1.0, 0.0, 0.0))
    actual = shown(gl_context, renderer, primary, (cursor, (30, 20)), (40, 40), options, Rect(4, 6, 34, 30))
    outside = np.ones((40, 40), bool)
    outside[6:30, 4:34] = False
    assert (actual[outside] == (255, 0, 0, 255)).all()
    # The turned picture is 48 x 64; the middle 30 x 24 are visible.
    expected = np.rot90(with_cursor(primary, cursor, 30, 20), -1)[20:44, 9:39]
    assert np.abs(actual[6:30, 4:34].astype(int) - expected).max() <= 1


def test_a_capture_ignores_rotation_and_flips(renderer: Renderer, surfaces: SurfaceFactory) -> None:
    primary = random_picture(48, 24)
    actual = renderer.capture(
        frame(surfaces.picture(primary)), options=DrawOptions(rotation=Rotation.RIGHT, flip_x=True)
    )
    assert actual is not None and (actual == primary).all()


def test_bars_around_the_picture_show_the_background(gl_context: Context, renderer: Renderer) -> None:
    primary = random_picture(16, 8)
    cursor = np.full((64, 64, 4), 255, np.uint8)
    actual = shown(gl_context, renderer, primary, (cursor, (8, 4)), (40, 40), DrawOptions(background=(0.0, 0.2, 1.0)))
    # 40 / 16 = 2.5 times as large: 40 x 20, rows 10 to 29.
    assert (actual[:10] == (0, 51, 255, 255)).all()
    assert (actual[30:] == (0, 51, 255, 255)).all()
    assert (actual[20:30, 20:] == 255).all()
    assert not (actual[10:20, :20] == (0, 51, 255, 255)).all()


def test_whole_multiples_in_the_middle(gl_context: Context, renderer: Renderer) -> None:
    primary = random_picture(16, 8)
    actual = shown(gl_context, renderer, primary, None, (40, 40), DrawOptions(scaling=Scaling.INTEGER))
    assert (actual[12:28, 4:36] == magnified(primary, 2)).all()
    assert (actual[:12] == (0, 0, 0, 255)).all()


def test_one_for_one_cuts_what_does_not_fit(gl_context: Context, renderer: Renderer) -> None:
    primary, cursor = random_picture(64, 48), arrow()
    actual = shown(gl_context, renderer, primary, (cursor, (12, 12)), (40, 24), DrawOptions(scaling=Scaling.ACTUAL))
    expected = with_cursor(primary, cursor, 12, 12)[12:36, 12:52]
    assert np.abs(actual.astype(int) - expected).max() <= 1


def test_the_picture_stays_in_its_area(gl_context: Context, renderer: Renderer) -> None:
    primary = random_picture(64, 48)
    cursor = np.full((64, 64, 4), 255, np.uint8)
    options = DrawOptions(scaling=Scaling.ACTUAL, background=(1.0, 0.0, 0.0))
    area = Rect(4, 6, 34, 30)
    actual = shown(gl_context, renderer, primary, (cursor, (50, 40)), (40, 40), options, area)
    outside = np.ones((40, 40), bool)
    outside[6:30, 4:34] = False
    assert (actual[outside] == (255, 0, 0, 255)).all()
    # 30 x 24 pixels from the middle of 64 x 48.
    assert (actual[6:30, 4:34] == primary[12:36, 17:47]).all()


@pytest.mark.parametrize("smooth", [False, True])
def test_smooth_or_not(gl_context: Context, renderer: Renderer, smooth: bool) -> None:
    primary = np.zeros((2, 2, 4), np.uint8)
    primary[:, 1] = 255
    actual = shown(gl_context, renderer, primary, None, (5, 5), DrawOptions(smooth=smooth))
    levels = set(actual[2, :, 0].tolist())
    assert levels == {0, 255} if not smooth else len(levels) > 2


def test_an_outline_makes_the_shape_stand_out(gl_context: Context, renderer: Renderer) -> None:
    primary = np.zeros((24, 24, 4), np.uint8)
    cursor = np.zeros((8, 8, 4), np.uint8)
    cursor[0:3, 0:2] = 255
    options = DrawOptions(cursor_outline=(1.0, 0.0, 1.0))
    actual = shown(gl_context, renderer, primary, (cursor, (10, 10)), (24, 24), options)
    expected = np.zeros((24, 24, 3), np.uint8)
    # Two pixels around the shape, also where it touches the border of its image.
    expected[8:15, 8:14] = (255, 0, 255)
    expected[10:13, 10:12] = 255
    assert (actual[..., :3] == expected).all()


@pytest.mark.parametrize("size", [12, 16, 24, 36, 42, 48, 72, 96])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("rotation", [Rotation.NONE, Rotation.LEFT])
def test_an_outline_is_two_device_pixels_at_least_and_one_guest_pixel(
    gl_context: Context, renderer: Renderer, size: int, smooth: bool, rotation: Rotation
) -> None:
    """From half the size to four times the size: a thinner line is not seen on a dense screen."""
    primary = np.zeros((24, 24, 4), np.uint8)
    cursor = np.zeros((16, 16, 4), np.uint8)
    cursor[4:12, 4:12] = 255
    options = DrawOptions(cursor_outline=(1.0, 0.0, 1.0), smooth=smooth, rotation=rotation)
    actual = shown(gl_context, renderer, primary, (cursor, (4, 4)), (size, size), options)
    middle = size // 2
    for line in (actual[middle], actual[:, middle], actual[middle, ::-1], actual[::-1, middle]):
        # Black, then the outline, then the shape, whose green is as strong as its red.
        before = int(np.argmax(line[:, 0] > 127))
        shape = int(np.argmax(line[:, 1] > 127))
        width = shape - before
        assert max(2, size // 24) <= width <= max(3, size // 24 + 2), (width, line[:, :2].tolist())


def test_a_primary_with_alpha_is_opaque(gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    rows = random_picture(8, 8)
    rows[..., 3] = 7
    surface = surfaces.surface(rows.reshape(8, -1), drm.DRM_FORMAT_ABGR8888, 8)
    with window(gl_context, 8, 8) as (target, canvas):
        renderer.draw(frame(surface), target)
        actual = canvas.read()[::-1]
    assert (actual[..., :3] == rows[..., :3]).all()
    assert (actual[..., 3] == 255).all()


def test_no_primary_is_background_only(gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    lonely = frame(None, surfaces.cursor(arrow(), (0, 0)))
    with window(gl_context, 8, 8) as (target, canvas):
        drawn = renderer.draw(lonely, target, DrawOptions(background=(0.0, 1.0, 0.0)))
        assert (canvas.read() == (0, 255, 0, 255)).all()
    assert (drawn.primary, drawn.placement) == (None, None)
    assert drawn.cursor is not None
    assert renderer.capture(lonely) is None


def test_state_left_by_others_does_no_harm(
    gl_context: Context, calls: Calls, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Qt's context is.
    monkeypatch.setattr(gl_context, "shared", True)
    renderer = Renderer(gl_context)
    gl = gl_context.gl
    primary, cursor = random_picture(16, 16), arrow()
    shown = frame(surfaces.picture(primary), surfaces.cursor(cursor, (2, 2)))
    expected = with_cursor(primary, cursor, 2, 2)
    with window(gl_context, 16, 16) as (target, canvas):
        for _ in range(2):
            for each in (api.GL_SCISSOR_TEST, api.GL_CULL_FACE, api.GL_BLEND, api.GL_DITHER, api.GL_STENCIL_TEST):
                gl.Enable(each)
            gl.ColorMask(1, 0, 0, 0)
            gl.Viewport(3, 3, 1, 1)
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, 0)
            gl.ActiveTexture(api.GL_TEXTURE0 + 3)
            gl.BlendFuncSeparate(api.GL_ZERO, api.GL_ZERO, api.GL_ZERO, api.GL_ZERO)
            renderer.draw(shown, target)
            actual = canvas.read()[::-1]
            assert np.abs(actual.astype(int) - expected).max() <= 1
    renderer.release()


def test_capture_leaves_the_callers_framebuffer_bound(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    with window(gl_context, 4, 4) as (target, _):
        gl_context.gl.BindFramebuffer(api.GL_FRAMEBUFFER, target.framebuffer)
        renderer.capture(frame(surfaces.picture(random_picture(8, 8))))
        assert gl_context.gl.integer(api.GL_FRAMEBUFFER_BINDING) == target.framebuffer
        renderer.drop_released()
        assert gl_context.gl.integer(api.GL_FRAMEBUFFER_BINDING) == target.framebuffer


def test_an_error_of_opengl_is_raised_and_the_next_frame_is_fine(
    gl_context: Context, gl_log: DebugLog, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    shown = frame(surfaces.picture(random_picture(8, 8)))
    gl = gl_context.gl
    incomplete = gl.generate(gl.GenFramebuffers)
    for _ in range(2):
        with pytest.raises(GlError, match="GL_INVALID_FRAMEBUFFER_OPERATION"):
            renderer.draw(shown, RenderTarget(8, 8, incomplete))
    gl.delete(gl.DeleteFramebuffers, incomplete)
    gl_log.messages.clear()
    with window(gl_context, 8, 8) as (target, _):
        assert renderer.draw(shown, target).placement is not None
