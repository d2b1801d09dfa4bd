"""Where a plane's rows lie in its buffer: behind an offset, from the bottom up, in memory of any kind."""

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.formats.decode import decode
from app.formats.fourcc import Family, fourcc_text, known_formats
from app.formats.modifier import modifier_name
from app.planes.frame import Surface
from app.planes.outcome import ImportMethod, PixelPath
from app.planes.placement import Rotation, Scaling
from app.planes.plane import Backing
from app.planes.status import Reason
from gl.capture import CaptureKind
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.egl_display import EglDisplay, Modifier
from gl.renderer import Renderer
from tests.gl.surfaces import (
    Bytes,
    SurfaceFactory,
    format_of,
    frame,
    plane_of,
    random_picture,
    random_rows,
    reference,
    window,
)

XR24 = drm.DRM_FORMAT_XRGB8888
YUYV = drm.DRM_FORMAT_YUYV
FORMATS = [each.fourcc for each in known_formats()]
TILINGS = [
    drm.I915_FORMAT_MOD_X_TILED,
    drm.I915_FORMAT_MOD_Y_TILED,
    drm.I915_FORMAT_MOD_Yf_TILED,
    drm.I915_FORMAT_MOD_4_TILED,
]
PATHS = [
    (Backing.DMABUF, PixelPath.EGL_IMAGE),
    (Backing.DMABUF, PixelPath.COPY),
    (Backing.REGION, PixelPath.REGION),
    (Backing.MEMORY, PixelPath.COPY),
]


def path_name(value: object) -> str:
    return value.value if isinstance(value, (Backing, PixelPath)) else str(value)


paths = pytest.mark.parametrize(("backing", "path"), PATHS, ids=path_name)


@pytest.fixture(autouse=True)
def import_only_for_the_import_path(
    request: pytest.FixtureRequest, importing_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "path" in request.fixturenames and request.getfixturevalue("path") is not PixelPath.EGL_IMAGE:
        monkeypatch.setattr(importing_context, "imports_dma_bufs", False)


def assert_captured(renderer: Renderer, surface: Surface, rows: Bytes) -> None:
    """The capture of a surface is what ``rows``, the top one first, look like."""
    fourcc, width = surface.plane.fourcc, surface.plane.width
    picture = renderer.capture(frame(surface), CaptureKind.PRIMARY)
    assert picture is not None
    expected = reference(rows, fourcc, width).astype(int)
    expected[..., 3] = 255
    assert np.abs(picture - expected).max() <= (format_of(fourcc).family is Family.YUV422)


@paths
@pytest.mark.parametrize("y_inverted", [False, True])
@pytest.mark.parametrize("offset", [0, 4, 4096, 5000, 4099])
def test_linear(
    renderer: Renderer, surfaces: SurfaceFactory, backing: Backing, path: PixelPath, y_inverted: bool, offset: int
) -> None:
    rows = random_rows(XR24, 33, 9)
    surface = surfaces.surface(
        rows, XR24, 33, stride=33 * 4 + 28, backing=backing, offset=offset, y_inverted=y_inverted
    )
    assert_captured(renderer, surface, rows)
    assert renderer.outcome(surface).path is path


@paths
@pytest.mark.parametrize("fourcc", FORMATS, ids=fourcc_text)
def test_every_format(
    renderer: Renderer, surfaces: SurfaceFactory, backing: Backing, path: PixelPath, fourcc: int
) -> None:
    rows = random_rows(fourcc, 34, 7)
    assert_captured(
        renderer, surfaces.surface(rows, fourcc, 34, backing=backing, offset=8192 + 64, y_inverted=True), rows
    )


@pytest.mark.parametrize("backing", Backing, ids=path_name)
@pytest.mark.parametrize("y_inverted", [False, True])
@pytest.mark.parametrize("offset", [0, 4096, 1000])
@pytest.mark.parametrize("modifier", TILINGS, ids=modifier_name)
@pytest.mark.parametrize("fourcc", [XR24, YUYV, drm.DRM_FORMAT_RGB565], ids=fourcc_text)
def test_tiled(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    backing: Backing,
    y_inverted: bool,
    offset: int,
    modifier: int,
    fourcc: int,
) -> None:
    rows = random_rows(fourcc, 131, 41)
    surface = surfaces.surface(
        rows, fourcc, 131, stride=1024, modifier=modifier, backing=backing, offset=offset, y_inverted=y_inverted
    )
    assert_captured(renderer, surface, rows)


@paths
def test_memory_that_is_no_dma_buf_is_not_degraded(
    renderer: Renderer, surfaces: SurfaceFactory, backing: Backing, path: PixelPath
) -> None:
    surface = surfaces.picture(random_picture(16, 8), backing=backing)
    outcome = renderer.outcome(surface)
    assert outcome.path is path
    if backing is not Backing.DMABUF:
        assert (outcome.status.reason, outcome.failures, outcome.method) == (Reason.OK, (), None)


@paths
@pytest.mark.parametrize("rotation", Rotation)
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
@pytest.mark.parametrize("inverted", [(True, False), (False, True), (True, True)], ids=str)
def test_both_planes_however_they_are_turned(
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    backing: Backing,
    path: PixelPath,
    rotation: Rotation,
    flip_x: bool,
    flip_y: bool,
    inverted: tuple[bool, bool],
) -> None:
    """An opaque cursor, half of it beyond the right edge, over a primary plane, each with or without inverted rows."""
    primary, cursor = random_picture(48, 24), random_picture(9, 7, 5)
    expected = primary.copy()
    expected[3:10, 43:] = cursor[:, :5]
    size = (48, 96) if rotation.sideways else (96, 48)
    options = DrawOptions(rotation=rotation, flip_x=flip_x, flip_y=flip_y)
    with window(gl_context, *size) as (target, canvas):
        lower = surfaces.picture(primary, backing=backing, offset=4096, y_inverted=inverted[0])
        upper = surfaces.cursor(cursor, (43, 3), backing=backing, offset=64, y_inverted=inverted[1])
        renderer.draw(frame(lower, upper), target, options)
        picture = canvas.read()[::-1]
    expected = np.rot90(expected.repeat(2, axis=0).repeat(2, axis=1), -rotation.value // 90)
    expected = expected[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    assert (picture == expected).all()
    captured = renderer.capture(frame(lower, upper), options=options)
    assert captured is not None
    assert (captured[:, :43] == primary[:, :43]).all()
    assert (captured[3:10, 43:] == cursor[:, :5]).all()
    alone = renderer.capture(frame(lower, upper), CaptureKind.CURSOR)
    assert alone is not None and (alone == cursor).all()


@paths
@pytest.mark.parametrize("fourcc", [XR24, YUYV, drm.DRM_FORMAT_RGB565], ids=fourcc_text)
def test_filtered_and_cut(
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    backing: Backing,
    path: PixelPath,
    fourcc: int,
) -> None:
    """Inverted rows look as the same rows do in their order: enlarged with a filter, and cut to the window."""
    rows = random_rows(fourcc, 40, 30)
    # With 22 rows of 30, no pixel's centre is on the border of two rows.
    for options in (DrawOptions(), DrawOptions(scaling=Scaling.ACTUAL), DrawOptions(smooth=False)):
        with window(gl_context, 33, 22) as (target, canvas):
            renderer.draw(frame(surfaces.surface(rows, fourcc, 40, backing=backing)), target, options)
            expected = canvas.read().astype(int)
            inverted = surfaces.surface(rows, fourcc, 40, backing=backing, y_inverted=True)
            renderer.draw(frame(inverted), target, options)
            assert np.abs(canvas.read() - expected).max() <= 2


@paths
def test_an_outline_of_an_inverted_cursor(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, backing: Backing, path: PixelPath
) -> None:
    primary, cursor = np.zeros((24, 24, 4), np.uint8), np.zeros((8, 8, 4), np.uint8)
    cursor[0:3, 0:2] = 255
    options = DrawOptions(cursor_outline=(1.0, 0.0, 1.0))
    with window(gl_context, 24, 24) as (target, canvas):
        upper = surfaces.cursor(cursor, (10, 10), backing=backing, y_inverted=True)
        renderer.draw(frame(surfaces.picture(primary, backing=backing), upper), target, options)
        picture = canvas.read()[::-1]
    expected = np.zeros((24, 24, 3), np.uint8)
    expected[8:15, 8:14] = (255, 0, 255)
    expected[10:13, 10:12] = 255
    assert (picture[..., :3] == expected).all()


def test_yuv_decoded_by_the_driver(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    """An external texture is inverted too."""
    display = importing_context.display
    monkeypatch.setitem(display.__dict__, "formats", (YUYV,))
    monkeypatch.setattr(EglDisplay, "modifiers", lambda _self, _fourcc: (Modifier(0, external_only=True),))
    rows = np.tile(np.array([120, 90, 120, 200], np.uint8), (8, 8))
    rows[:4] = np.tile(np.array([40, 128, 40, 128], np.uint8), (4, 8))
    surface = surfaces.surface(rows, YUYV, 16, offset=4096, y_inverted=True)
    assert renderer.outcome(surface).method is ImportMethod.EXTERNAL
    picture = renderer.capture(frame(surface))
    assert picture is not None
    difference = picture[..., :3] - decode(rows, format_of(YUYV), 16)[..., :3].astype(int)
    assert np.abs(difference[[0, 1, 2, 5, 6, 7]]).max() <= 2


def test_the_same_buffer_read_either_way(renderer: Renderer, surfaces: SurfaceFactory) -> None:
    """A source may change the layout, so the layout is a part of the cache key."""
    picture = random_picture(16, 8)
    upright = surfaces.picture(picture)
    inverted = Surface(plane_of(XR24, 16, 8, 64, y_inverted=True), upright.buffer)
    for _ in range(2):
        for surface, expected in ((upright, picture), (inverted, picture[::-1])):
            captured = renderer.capture(frame(surface))
            assert captured is not None and (captured == expected).all()


@paths
def test_a_buffer_whose_content_changed_is_shown_anew(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, backing: Backing, path: PixelPath
) -> None:
    """With a frame of a higher serial, with an equal frame, and with the very same one."""
    surface = surfaces.picture(random_picture(16, 8), backing=backing)
    first, second, third = (frame(surface, serial=each) for each in (1, 2, 2))
    with window(gl_context, 16, 8) as (target, canvas):
        for seed, shown in enumerate((first, first, second, third)):
            picture = random_picture(16, 8, seed)
            surfaces.overwrite(surface.buffer, picture[..., [2, 1, 0, 3]])
            renderer.draw(shown, target)
            assert (canvas.read()[::-1] == picture).all()


def test_an_offset_that_egl_cannot_express(renderer: Renderer, surfaces: SurfaceFactory) -> None:
    """EGL attributes are 32 bits wide with a sign: a larger offset would be taken for another one."""
    rows = random_rows(XR24, 16, 8)
    offset = 2**31 + 4096
    plane = plane_of(XR24, 16, 8, 64, offset=offset)
    surface = Surface(plane, surfaces.sparse(rows, offset))
    assert_captured(renderer, surface, rows)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    assert str(offset) in outcome.status.detail
