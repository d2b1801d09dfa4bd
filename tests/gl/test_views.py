"""The views for inspection: what each shows, for every way a plane gets to the GPU, against numpy."""

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.frame import Frame
from app.planes.outcome import PixelPath
from app.planes.placement import Rotation, Scaling
from app.planes.plane import Backing
from gl import api
from gl.capture import CaptureKind
from gl.context import Context
from gl.draw_options import DrawOptions, View
from gl.egl_display import EglDisplay, Modifier
from gl.formats import Decode
from gl.renderer import Renderer
from gl.shader_source import (
    CHECKER_DARK,
    CHECKER_LIGHT,
    CHECKER_PIXELS,
    GRID_COLOUR,
    GRID_STRENGTH,
    Variant,
    sources,
)
from tests.gl.counting import Calls
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, random_picture, random_rows, reference, window

ARGB8888, ARGB1555, XRGB8888 = drm.DRM_FORMAT_ARGB8888, drm.DRM_FORMAT_ARGB1555, drm.DRM_FORMAT_XRGB8888
RGB565, YUYV, ABGR2101010 = drm.DRM_FORMAT_RGB565, drm.DRM_FORMAT_YUYV, drm.DRM_FORMAT_ABGR2101010
X_TILED = drm.I915_FORMAT_MOD_X_TILED
SIZE = (48, 32)
PATHS = [(Backing.DMABUF, True), (Backing.DMABUF, False), (Backing.REGION, True)]
FORMATS = [ARGB8888, ARGB1555, XRGB8888, RGB565, YUYV, ABGR2101010]

paths = pytest.mark.parametrize(("backing", "imports"), PATHS, ids=["image", "copy", "region"])
formats = pytest.mark.parametrize("fourcc", FORMATS)


def drawn(
    context: Context, renderer: Renderer, shown: Frame, options: DrawOptions, size: tuple[int, int] = SIZE
) -> Bytes:
    """The colours of a window, top row first. Its alpha must be one: what is below a window never shows through."""
    with window(context, *size) as (target, canvas):
        renderer.draw(shown, target, options)
        pixels = canvas.read()[::-1]
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3].astype(np.int16)


DIFFERENCE = DrawOptions(view=View.DIFFERENCE)


def grey(values: Bytes) -> Bytes:
    return np.repeat(values[..., np.newaxis], 3, axis=-1).astype(np.int16)


@paths
@formats
@pytest.mark.parametrize(("view", "channel"), [(View.RED, 0), (View.GREEN, 1), (View.BLUE, 2), (View.ALPHA, 3)])
def test_a_single_channel_is_grey(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
    backing: Backing,
    imports: bool,
    fourcc: int,
    view: View,
    channel: int,
) -> None:
    monkeypatch.setattr(importing_context, "imports_dma_bufs", imports)
    rows = random_rows(fourcc, *SIZE)
    shown = frame(surfaces.surface(rows, fourcc, SIZE[0], backing=backing))
    # Squares behind transparent pixels would hide where alpha is.
    actual = drawn(importing_context, renderer, shown, DrawOptions(view=view, checkerboard=view is View.ALPHA))
    expected = grey(reference(rows, fourcc, SIZE[0])[..., channel])
    assert np.abs(actual - expected).max() <= 1
    if view is not View.ALPHA or fourcc in (ARGB8888, ARGB1555, ABGR2101010):
        assert len(np.unique(actual)) > 1


@pytest.mark.parametrize(("fourcc", "through"), [(ARGB8888, ARGB8888), (YUYV, drm.DRM_FORMAT_ABGR8888)])
def test_images_for_external_textures_only_have_the_views_too(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
    fourcc: int,
    through: int,
) -> None:
    external = {through: (Modifier(0, external_only=True),)}
    monkeypatch.setitem(importing_context.display.__dict__, "formats", tuple(external))
    monkeypatch.setattr(EglDisplay, "modifiers", lambda _self, asked: external.get(asked, ()))
    rows = [random_rows(fourcc, *SIZE, seed) for seed in range(2)]
    pictures = [surfaces.surface(each, fourcc, SIZE[0]) for each in rows]
    assert renderer.outcome(pictures[0]).path is PixelPath.EGL_IMAGE
    references = [reference(each, fourcc, SIZE[0]).astype(int) for each in rows]
    for view, channel in ((View.BLUE, 2), (View.ALPHA, 3)):
        actual = drawn(importing_context, renderer, frame(pictures[0]), DrawOptions(view=view))
        assert np.abs(actual - grey(references[0][..., channel])).max() <= 1
    for each in pictures:
        seen = drawn(importing_context, renderer, frame(each), DIFFERENCE)
    expected = np.minimum(np.abs(references[1] - references[0])[..., :3] * 8, 255)
    assert np.abs(seen - expected).max() <= 8 * 2
    assert renderer.context.gl.GetError() == 0


def cursor_pixels() -> Bytes:
    """Premultiplied, from transparent to opaque."""
    pixels = random_picture(12, 10, 5)
    pixels[..., 3] = np.linspace(0, 255, 120).reshape(10, 12).astype(np.uint8)
    pixels[..., :3] = pixels[..., :3] * (pixels[..., 3:] / 255)
    return pixels


@pytest.mark.parametrize("straight", [False, True])
def test_the_cursor_is_blended_in_its_channel_and_its_alpha_is_shown_where_its_image_lies(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, straight: bool
) -> None:
    picture, cursor = random_picture(*SIZE), cursor_pixels()
    shown = frame(surfaces.picture(picture), surfaces.cursor(cursor, (20, 9)))
    composite = drawn(gl_context, renderer, shown, DrawOptions(straight_alpha=straight))
    green = drawn(gl_context, renderer, shown, DrawOptions(view=View.GREEN, straight_alpha=straight))
    assert np.abs(green - grey(composite[..., 1])).max() <= 1
    options = DrawOptions(view=View.ALPHA, straight_alpha=straight, cursor_outline=(1.0, 0.0, 1.0))
    alpha = drawn(gl_context, renderer, shown, options)
    expected = np.full((SIZE[1], SIZE[0], 3), 255, np.int16)
    expected[9:19, 20:32] = grey(cursor[..., 3])
    assert (alpha == expected).all()


@pytest.mark.parametrize("size", [SIZE, (96, 64)], ids=["1x", "2x"])
@pytest.mark.parametrize("fourcc", [ARGB8888, XRGB8888])
@pytest.mark.parametrize("tear_free", [False, True])
def test_the_checkerboard_is_behind_transparent_pixels_only(
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    size: tuple[int, int],
    fourcc: int,
    tear_free: bool,
) -> None:
    """Its squares have the same size at any scaling."""
    pixels = cursor_pixels()
    picture = np.tile(pixels, (4, 4, 1))[: SIZE[1], : SIZE[0]]
    rows = np.ascontiguousarray(picture[..., [2, 1, 0, 3]]).reshape(SIZE[1], -1)
    shown = frame(surfaces.surface(rows, fourcc, SIZE[0]))
    options = DrawOptions(checkerboard=True, tear_free=tear_free)
    actual = drawn(gl_context, renderer, shown, options, size)
    factor = size[0] // SIZE[0]
    large = picture.repeat(factor, axis=0).repeat(factor, axis=1).astype(float)
    # Rows of the window are counted from the bottom.
    row, column = np.indices((size[1], size[0])) // CHECKER_PIXELS
    light = (row[::-1] + column) % 2 == 0
    squares = np.where(light, CHECKER_LIGHT, CHECKER_DARK)[..., np.newaxis]
    through = 1 - large[..., 3:] / 255 if fourcc == ARGB8888 else 0
    assert np.abs(actual - (large[..., :3] + squares * through)).max() <= 1.01


def test_without_alpha_or_checkerboard_a_primary_is_opaque_in_every_view(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    picture = random_picture(*SIZE)
    picture[..., 3] = 7
    rows = np.ascontiguousarray(picture[..., [2, 1, 0, 3]]).reshape(SIZE[1], -1)
    shown = frame(surfaces.surface(rows, ARGB8888, SIZE[0]))
    red = drawn(gl_context, renderer, shown, DrawOptions(view=View.RED, background=(0.0, 1.0, 0.0)))
    assert (red == grey(picture[..., 0])).all()


TILE = (128, 8)


def lines(size: tuple[int, int], factor: int) -> Bytes:
    """Where X tiles of four-byte pixels begin in the upright picture, one device pixel wide."""
    row, column = np.indices((size[1], size[0]))
    across, down = TILE[0] * factor, TILE[1] * factor
    result: Bytes = (row % down == 0) | (column % across == 0)
    return result


@pytest.mark.parametrize("rotation", Rotation)
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("factor", [1, 3])
def test_tile_borders_are_one_device_pixel_wide_at_any_scaling_and_rotation(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    rotation: Rotation,
    flip_x: bool,
    factor: int,
) -> None:
    picture = random_picture(256, 24)
    rows = np.ascontiguousarray(picture[..., [2, 1, 0, 3]]).reshape(24, -1)
    shown = frame(surfaces.surface(rows, XRGB8888, 256, stride=1024, modifier=X_TILED))
    size = (256 * factor, 24 * factor)
    seen = size[::-1] if rotation.sideways else size
    options = {"rotation": rotation, "flip_x": flip_x}
    plain = drawn(importing_context, renderer, shown, DrawOptions(**options), seen)  # type: ignore[arg-type]
    tiled = drawn(importing_context, renderer, shown, DrawOptions(view=View.TILES, **options), seen)  # type: ignore[arg-type]
    on_line = (plain != tiled).any(axis=-1)

    def upright(pixels: Bytes) -> Bytes:
        return np.rot90(pixels[:, :: -1 if flip_x else 1], rotation.value // 90)

    # The line lies inside the tile, at the edge where the target's pixels begin to belong to it.
    mixed = plain + (np.array(GRID_COLOUR) * 255 - plain) * GRID_STRENGTH
    assert np.abs(tiled[on_line] - mixed[on_line]).max() <= 1
    # A pixel that has the lines' colour by chance does not differ.
    expected = lines(size, factor)
    assert (upright(on_line) == expected).mean() > 0.999


def test_tile_borders_follow_the_rows_in_memory_and_a_linear_plane_has_none(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    picture = random_picture(128, 20)
    rows = np.ascontiguousarray(picture[..., [2, 1, 0, 3]]).reshape(20, -1)
    linear = frame(surfaces.surface(rows, XRGB8888, 128))
    size = (128, 20)
    assert (drawn(gl_context, renderer, linear, DrawOptions(view=View.TILES), size) == picture[..., :3]).all()
    inverted = frame(surfaces.surface(rows, XRGB8888, 128, stride=512, modifier=X_TILED, y_inverted=True))
    seen = drawn(gl_context, renderer, inverted, DrawOptions(view=View.TILES), size)
    crossed = (seen != picture[..., :3]).any(axis=-1)[:, 1:].mean(axis=1) > 0.9
    # Tiles begin with rows 0, 8 and 16 from the bottom.
    assert len(np.flatnonzero(crossed)) == 3 and set(np.diff(np.flatnonzero(crossed))) == {8}


def test_lines_too_dense_to_see_anything_between_them_are_left_out(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    rows = random_rows(XRGB8888, 256, 256)
    shown = frame(surfaces.surface(rows, XRGB8888, 256, modifier=X_TILED))
    small = (64, 64)
    plain = drawn(importing_context, renderer, shown, DrawOptions(), small)
    tiled = drawn(importing_context, renderer, shown, DrawOptions(view=View.TILES), small)
    columns = np.flatnonzero((plain != tiled).any(axis=(0, 2)))
    assert columns.tolist() == [0, 32]


@pytest.mark.parametrize(("factor", "gridded"), [(8, True), (4, False)])
def test_the_grid_over_pixels_is_drawn_when_they_are_large(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, factor: int, gridded: bool
) -> None:
    picture = random_picture(6, 5)
    size = (6 * factor, 5 * factor)
    shown = frame(surfaces.picture(picture))
    seen = drawn(gl_context, renderer, shown, DrawOptions(pixel_grid=True), size)
    large = picture[..., :3].repeat(factor, axis=0).repeat(factor, axis=1)
    row, column = np.indices(size[::-1])
    expected = (row % factor == 0) | (column % factor == 0)
    assert ((seen != large).any(axis=-1) == (expected & gridded)).mean() > 0.99
    if gridded:
        # At no whole factor too, the pixels are not mixed.
        odd = drawn(gl_context, renderer, shown, DrawOptions(pixel_grid=True), (57, 50))
        colours = set(map(tuple, picture[..., :3].reshape(-1, 3).tolist()))
        assert np.mean([tuple(each) in colours for each in odd.reshape(-1, 3).tolist()]) > 0.75


@pytest.mark.parametrize("view", View)
def test_captures_are_the_guests_picture_in_every_view(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, view: View
) -> None:
    picture = random_picture(*SIZE)
    shown = frame(surfaces.picture(picture), surfaces.cursor(cursor_pixels(), (4, 4)))
    plain = renderer.capture(shown)
    options = DrawOptions(view=view, checkerboard=True, pixel_grid=True)
    drawn(gl_context, renderer, shown, options)
    for kind in CaptureKind:
        seen, expected = renderer.capture(shown, kind, options), renderer.capture(shown, kind)
        assert seen is not None and expected is not None and (seen == expected).all()
    assert plain is not None


# What OpenGL is called for in a frame of known planes that does not flip, in order. No view adds anything to it.
_NORMAL_FRAME = {
    "Finish": 1,
    "BindFramebuffer": 1,
    "Viewport": 1,
    "ClearColor": 1,
    "Clear": 1,
    "UseProgram": 2,
    "BindTexture": 2,
    "BindSampler": 2,
    "Uniform4fv": 2,
    "DrawArrays": 2,
    "Enable": 1,
    "Disable": 1,
    "GetError": 1,
}


def test_a_normal_frame_is_what_it_was_and_is_so_again_after_each_view(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, calls: Calls
) -> None:
    pair = [
        frame(surfaces.picture(random_picture(*SIZE, seed)), surfaces.cursor(cursor_pixels(), (4, 4)))
        for seed in range(2)
    ]
    others = [DrawOptions(view=each) for each in View] + [DrawOptions(checkerboard=True), DrawOptions(pixel_grid=True)]
    normal = DrawOptions(scaling=Scaling.FIT)
    with window(importing_context, *SIZE) as (target, _):
        renderer.draw(pair[0], target, normal)
        framebuffers = calls.alive()["GenFramebuffers"]
        for options in others:
            for shown in pair:
                renderer.draw(shown, target, options)
            for _ in range(2):
                for shown in pair:
                    renderer.draw(shown, target, normal)
            assert calls.alive()["GenFramebuffers"] == framebuffers, "a view left its pictures"
            before = Calls(calls)
            renderer.draw(pair[1], target, normal)
            assert calls.since(before) == _NORMAL_FRAME


@pytest.mark.parametrize("decode", Decode)
def test_a_normal_program_knows_nothing_of_the_views(decode: Decode) -> None:
    """Vectors of its own array are all it has: what every normal frame sets."""
    identity = (api.GL_RED, api.GL_GREEN, api.GL_BLUE, api.GL_ONE)
    for outlined in (False, True):
        for swizzle in (None, identity):
            variant = Variant(decode, straight=True, opaque=not outlined, outlined=outlined, swizzle=swizzle)
            vertex, fragment = sources(variant)
            uniforms = [each for each in (vertex + fragment).splitlines() if each.startswith("uniform")]
            assert len(uniforms) == 3
            for word in ("before", "fwidth", "gl_FragCoord", "EFFECTS", "cell", "square"):
                assert word not in fragment
