"""Every format looks like the CPU reference, by every path."""

import ctypes

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.formats import yuv
from app.formats.decode import decode
from app.formats.fourcc import Family, fourcc_text, known_formats
from app.formats.modifier import modifier_name
from app.planes.outcome import ImportMethod, PixelPath
from app.planes.status import Reason, State
from gl import api
from gl.capture import CaptureKind
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from gl.textures import new_texture
from tests.gl.surfaces import SurfaceFactory, format_of, frame, random_rows, reference, rounds_to_nearest

FORMATS = [each.fourcc for each in known_formats()]
# No tiling has three bytes a pixel.
TILED_FORMATS = [each for each in FORMATS if format_of(each).bytes_per_pixel != 3]
TILINGS = [
    drm.I915_FORMAT_MOD_X_TILED,
    drm.I915_FORMAT_MOD_Y_TILED,
    drm.I915_FORMAT_MOD_Yf_TILED,
    drm.I915_FORMAT_MOD_4_TILED,
]


def check(
    context: Context, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int, width: int, padding: int
) -> PixelPath | None:
    """Capture a random picture and compare it with the reference. Returns the path of its pixels."""
    rows = random_rows(fourcc, width, 9)
    surface = surfaces.surface(rows, fourcc, width, stride=rows.shape[1] + padding)
    actual = renderer.capture(frame(surface), CaptureKind.PRIMARY)
    assert actual is not None
    expected = reference(rows, fourcc, width).astype(int)
    expected[..., 3] = 255
    exact = format_of(fourcc).family is not Family.YUV422 and rounds_to_nearest(context, fourcc)
    assert np.abs(actual - expected).max() <= (0 if exact else 1)
    return renderer.outcome(surface).path


@pytest.mark.parametrize("fourcc", FORMATS, ids=fourcc_text)
@pytest.mark.parametrize(("width", "padding"), [(64, 0), (67, 60), (1, 0), (66, 12)])
def test_imported(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int, width: int, padding: int
) -> None:
    path = check(importing_context, renderer, surfaces, fourcc, width, padding)
    # No driver imports three bytes a pixel.
    copied = fourcc in (drm.DRM_FORMAT_RGB888, drm.DRM_FORMAT_BGR888)
    assert path is (PixelPath.COPY if copied else PixelPath.EGL_IMAGE)


@pytest.mark.parametrize("fourcc", FORMATS, ids=fourcc_text)
@pytest.mark.parametrize(("width", "padding"), [(64, 0), (67, 60), (67, 1), (66, 2), (65, 7), (1, 0)])
def test_copied(
    gl_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    fourcc: int,
    width: int,
    padding: int,
) -> None:
    monkeypatch.setattr(gl_context, "imports_dma_bufs", False)
    assert check(gl_context, renderer, surfaces, fourcc, width, padding) is PixelPath.COPY


@pytest.mark.parametrize("modifier", TILINGS, ids=modifier_name)
@pytest.mark.parametrize("fourcc", TILED_FORMATS, ids=fourcc_text)
def test_a_tiled_plane_is_copied_where_the_display_imports_only_linear(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int, modifier: int
) -> None:
    rows = random_rows(fourcc, 131, 41)
    surface = surfaces.surface(rows, fourcc, 131, stride=1024, modifier=modifier)
    actual = renderer.capture(frame(surface), CaptureKind.PRIMARY)
    assert actual is not None
    expected = reference(rows, fourcc, 131).astype(int)
    expected[..., 3] = 255
    assert np.abs(actual - expected).max() <= (format_of(fourcc).family is Family.YUV422)
    outcome = renderer.outcome(surface)
    assert outcome.path is PixelPath.COPY
    assert outcome.status.reason is Reason.MODIFIER_NOT_IMPORTABLE
    assert outcome.status.state is State.DEGRADED


@pytest.mark.parametrize("matrix", yuv.Matrix, ids=lambda each: each.label)
@pytest.mark.parametrize(
    "fourcc",
    [drm.DRM_FORMAT_YUYV, drm.DRM_FORMAT_YVYU, drm.DRM_FORMAT_UYVY, drm.DRM_FORMAT_VYUY],
    ids=fourcc_text,
)
def test_yuv_by_either_matrix(renderer: Renderer, surfaces: SurfaceFactory, fourcc: int, matrix: yuv.Matrix) -> None:
    rows = random_rows(fourcc, 51, 64)
    surface = surfaces.surface(rows, fourcc, 51)
    actual = renderer.capture(frame(surface), CaptureKind.PRIMARY, DrawOptions(matrix=matrix))
    assert actual is not None
    assert np.abs(actual - decode(rows, format_of(fourcc), 51, matrix).astype(int)).max() <= 1


def test_formats_opengl_lacks_are_read_through_another(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    for fourcc in (drm.DRM_FORMAT_C8, drm.DRM_FORMAT_YUYV):
        surface = surfaces.surface(random_rows(fourcc, 16, 4), fourcc, 16)
        outcome = renderer.outcome(surface)
        assert (outcome.path, outcome.method, outcome.failures) == (PixelPath.EGL_IMAGE, ImportMethod.REINTERPRETED, ())


@pytest.mark.parametrize(
    "fourcc",
    [drm.DRM_FORMAT_XRGB2101010, drm.DRM_FORMAT_XBGR2101010, drm.DRM_FORMAT_ARGB2101010],
    ids=fourcc_text,
)
@pytest.mark.parametrize("copied", [False, True])
def test_ten_bits_stay_ten(
    gl_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    fourcc: int,
    copied: bool,
) -> None:
    if copied:
        monkeypatch.setattr(gl_context, "imports_dma_bufs", False)
    rows = random_rows(fourcc, 16, 16)
    surface = surfaces.surface(rows, fourcc, 16)
    gl = gl_context.gl
    texture = new_texture(gl_context, api.GL_RGB10_A2, 16, 16, None)
    framebuffer = gl.generate(gl.GenFramebuffers)
    gl.BindFramebuffer(api.GL_FRAMEBUFFER, framebuffer)
    gl.FramebufferTexture2D(api.GL_FRAMEBUFFER, api.GL_COLOR_ATTACHMENT0, api.GL_TEXTURE_2D, texture.name, 0)
    drawn = renderer.draw(frame(surface), RenderTarget(16, 16, framebuffer, top_down=True))
    assert drawn.primary is not None
    assert drawn.primary.path is PixelPath.COPY or not copied
    words = (ctypes.c_uint32 * 256)()
    gl.ReadPixels(0, 0, 16, 16, api.GL_RGBA, api.GL_UNSIGNED_INT_2_10_10_10_REV, ctypes.addressof(words))
    gl.delete(gl.DeleteFramebuffers, framebuffer)
    texture.release()
    actual, source = np.array(words, np.uint32), rows.view("<u4").reshape(-1)
    red, blue = (actual & 0x3FF, actual >> 20 & 0x3FF)
    first, last = (source & 0x3FF, source >> 20 & 0x3FF)
    swapped = fourcc != drm.DRM_FORMAT_XBGR2101010
    assert (red == (last if swapped else first)).all()
    assert (blue == (first if swapped else last)).all()
    assert (actual >> 10 & 0x3FF == source >> 10 & 0x3FF).all()
