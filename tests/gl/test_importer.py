"""The import ladder: which method succeeds, why the others failed, and what the outcome says."""

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.abi.drm_fourcc import fourcc_mod_code
from app.formats.fourcc import fourcc_text, known_formats
from app.planes.buffer import DmaBuffer
from app.planes.frame import Surface
from app.planes.outcome import ImportMethod, PixelPath
from app.planes.plane import Plane
from app.planes.status import Reason, State
from gl.capture import CaptureKind
from gl.compositor import Image
from gl.context import Context
from gl.egl_display import DisplayExtensions, DisplayOrigin, EglDisplay, Modifier, Platform
from gl.errors import GlError
from gl.probe_draw import ProbeDraw
from gl.renderer import Renderer
from tests.gl.surfaces import (
    SurfaceFactory,
    frame,
    padded,
    plane_of,
    random_picture,
    random_rows,
    reference,
    surface_factory,
)

XR24 = drm.DRM_FORMAT_XRGB8888
RG16 = drm.DRM_FORMAT_RGB565
YUYV = drm.DRM_FORMAT_YUYV
GL_OUT_OF_MEMORY = 0x0505

Advertise = Callable[[dict[int, list[Modifier]]], None]


@pytest.fixture
def advertise(importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> Advertise:
    """Make the display advertise other formats."""

    def set_formats(table: dict[int, list[Modifier]]) -> None:
        display = importing_context.display
        monkeypatch.setitem(display.__dict__, "formats", tuple(table))
        monkeypatch.setattr(EglDisplay, "modifiers", lambda _self, fourcc: tuple(table.get(fourcc, ())))

    return set_formats


def picture(renderer: Renderer, surface: Surface) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    actual = renderer.capture(frame(surface), CaptureKind.PRIMARY)
    assert actual is not None
    return actual


def test_linear_is_imported_by_the_first_method(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    surface = surfaces.picture(random_picture(32, 8))
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.method, outcome.failures) == (PixelPath.EGL_IMAGE, ImportMethod.EXPLICIT, ())
    assert outcome.status.state is State.SHOWING


def test_no_modifier_named_by_the_driver(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    rows = random_rows(XR24, 32, 8)
    surface = surfaces.surface(rows, XR24, 32, modifier=drm.DRM_FORMAT_MOD_INVALID)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.method) == (PixelPath.EGL_IMAGE, ImportMethod.IMPLICIT)
    assert [each.method for each in outcome.failures] == [ImportMethod.EXPLICIT]
    assert (picture(renderer, surface)[..., :3] == reference(rows, XR24, 32)[..., :3]).all()


def test_a_display_without_modifiers_gets_none(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    monkeypatch.setattr(
        importing_context.display,
        "extensions",
        DisplayExtensions(EGL_EXT_image_dma_buf_import=True, EGL_KHR_image_base=True),
    )
    outcome = renderer.outcome(surfaces.picture(random_picture(32, 8)))
    assert (outcome.path, outcome.method) == (PixelPath.EGL_IMAGE, ImportMethod.IMPLICIT)
    assert [each.message for each in outcome.failures] == [
        "this EGL display has no EGL_EXT_image_dma_buf_import_modifiers"
    ]


def test_a_display_that_advertises_nothing_is_tried(
    advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    advertise({})
    outcome = renderer.outcome(surfaces.picture(random_picture(32, 8)))
    assert (outcome.path, outcome.method) == (PixelPath.EGL_IMAGE, ImportMethod.EXPLICIT)


def test_the_errors_of_egl_are_kept(advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    advertise({})
    fourcc = drm.DRM_FORMAT_RGB888
    outcome = renderer.outcome(surfaces.surface(random_rows(fourcc, 32, 8), fourcc, 32))
    assert outcome.path is PixelPath.COPY
    assert outcome.status.reason is Reason.FORMAT_NOT_IMPORTABLE
    assert [(each.method, each.egl_error) for each in outcome.failures] == [
        (ImportMethod.EXPLICIT, "EGL_BAD_MATCH"),
        (ImportMethod.IMPLICIT, "EGL_BAD_MATCH"),
        (ImportMethod.REINTERPRETED, "EGL_BAD_MATCH"),
        (ImportMethod.REINTERPRETED, "EGL_BAD_MATCH"),
    ]


def test_a_format_not_advertised_is_read_through_another(
    advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    advertise({drm.DRM_FORMAT_ABGR8888: [Modifier(0, external_only=False)]})
    rows = random_rows(XR24, 33, 8)
    surface = surfaces.surface(rows, XR24, 33)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.method) == (PixelPath.EGL_IMAGE, ImportMethod.REINTERPRETED)
    assert [each.message for each in outcome.failures] == ["the display does not import XRGB8888"]
    assert outcome.status.reason is Reason.OK
    actual = picture(renderer, surface)
    assert (actual[..., :3] == reference(rows, XR24, 33)[..., :3]).all()
    assert (actual[..., 3] == 255).all()


def test_fifteen_bits_through_their_bytes(advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    advertise({drm.DRM_FORMAT_GR88: [Modifier(0, external_only=False)]})
    fourcc = drm.DRM_FORMAT_XRGB1555
    rows = random_rows(fourcc, 33, 64)
    surface = surfaces.surface(rows, fourcc, 33)
    assert renderer.outcome(surface).method is ImportMethod.REINTERPRETED
    assert (picture(renderer, surface)[..., :3] == reference(rows, fourcc, 33)[..., :3]).all()


@pytest.mark.parametrize("fourcc", [XR24, drm.DRM_FORMAT_XBGR2101010, RG16], ids=fourcc_text)
def test_external_only(advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int) -> None:
    advertise({fourcc: [Modifier(0, external_only=True)]})
    rows = random_rows(fourcc, 33, 8)
    surface = surfaces.surface(rows, fourcc, 33)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.method, outcome.failures) == (PixelPath.EGL_IMAGE, ImportMethod.EXPLICIT, ())
    actual = picture(renderer, surface)
    assert (actual[..., :3] == reference(rows, fourcc, 33)[..., :3]).all()
    assert (actual[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("fourcc", "through"),
    [
        (XR24, drm.DRM_FORMAT_ABGR8888),
        (drm.DRM_FORMAT_C8, drm.DRM_FORMAT_R8),
        (drm.DRM_FORMAT_XRGB1555, drm.DRM_FORMAT_GR88),
        (YUYV, drm.DRM_FORMAT_ABGR8888),
    ],
)
def test_another_format_for_external_textures_only(
    advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int, through: int
) -> None:
    advertise({through: [Modifier(0, external_only=True)]})
    rows = random_rows(fourcc, 33, 8)
    surface = surfaces.surface(rows, fourcc, 33)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.method) == (PixelPath.EGL_IMAGE, ImportMethod.REINTERPRETED)
    actual = picture(renderer, surface).astype(int)
    assert np.abs(actual[..., :3] - reference(rows, fourcc, 33)[..., :3]).max() <= (fourcc == YUYV)
    assert (actual[..., 3] == 255).all()


def test_external_only_where_there_are_no_external_textures(
    advertise: Advertise,
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
) -> None:
    advertise({XR24: [Modifier(0, external_only=True)]})
    monkeypatch.setattr(importing_context, "external_textures", False)
    outcome = renderer.outcome(surfaces.picture(random_picture(8, 8)))
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.FORMAT_NOT_IMPORTABLE)
    assert "GL_OES_EGL_image_external_essl3" in outcome.failures[0].message


def test_yuv_by_the_driver_where_its_bytes_cannot_be_read(
    advertise: Advertise, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    advertise({YUYV: [Modifier(0, external_only=True)]})
    # Flat colours, because drivers filter chroma differently.
    rows = np.tile(np.array([120, 90, 120, 200], np.uint8), (8, 8))
    surface = surfaces.surface(rows, YUYV, 16)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.method) == (PixelPath.EGL_IMAGE, ImportMethod.EXTERNAL)
    assert [each.method for each in outcome.failures] == [ImportMethod.REINTERPRETED]
    difference = picture(renderer, surface)[..., :3] - reference(rows, YUYV, 16)[..., :3].astype(int)
    assert np.abs(difference).max() <= 2


def test_a_modifier_not_advertised_is_not_guessed(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    rows = random_rows(XR24, 128, 16)
    outcome = renderer.outcome(surfaces.surface(rows, XR24, 128, stride=512, modifier=drm.I915_FORMAT_MOD_X_TILED))
    assert outcome.path is PixelPath.COPY
    assert outcome.status.reason is Reason.MODIFIER_NOT_IMPORTABLE
    assert [each.method for each in outcome.failures] == [ImportMethod.EXPLICIT, ImportMethod.IMPLICIT]
    assert "INTEL_X_TILED" in outcome.status.detail


@pytest.mark.parametrize(
    ("modifier", "path"),
    [(drm.I915_FORMAT_MOD_X_TILED, PixelPath.EGL_IMAGE), (drm.I915_FORMAT_MOD_Yf_TILED, PixelPath.COPY)],
    ids=("X", "Yf"),
)
def test_i915_knows_some_tilings(
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    modifier: int,
    path: PixelPath,
) -> None:
    """Then the import without a modifier is tried. Its picture cannot be checked without that GPU."""
    surface = surfaces.surface(random_rows(XR24, 128, 32), XR24, 128, stride=512, modifier=modifier)
    assert isinstance(surface.buffer, DmaBuffer)
    monkeypatch.setattr(importing_context, "vendor", "Intel")
    monkeypatch.setattr(surface.buffer, "info", replace(surface.buffer.info, exporter="i915"))
    outcome = renderer.outcome(surface)
    assert outcome.path is path
    assert outcome.method is (ImportMethod.IMPLICIT if path is PixelPath.EGL_IMAGE else None)
    # Another Intel GPU than the one that exports the buffers: its driver's own object of the buffer has no tiling.
    renderer.set_bridge(DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD999"))
    outcome = renderer.outcome(surface)
    assert outcome.path is PixelPath.COPY
    assert "would not know the tiling" in outcome.failures[1].message


def test_a_tiling_nobody_can_undo(importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    vendor_layout = fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_AMD, 0x1234)
    plane = plane_of(XR24, 16, 16, 64, modifier=vendor_layout)
    outcome = renderer.outcome(Surface(plane, surfaces.buffer(np.zeros(1024, np.uint8))))
    assert outcome.path is None
    assert outcome.status.reason is Reason.TILING_UNKNOWN
    assert outcome.status.state is State.ERROR


def test_exported_for_reading_only(importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    rows = random_rows(XR24, 16, 16)
    surface = surfaces.surface(rows, XR24, 16, flags=os.O_RDONLY)
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    assert "read-only" in outcome.status.detail
    assert (picture(renderer, surface)[..., :3] == reference(rows, XR24, 16)[..., :3]).all()


def test_an_import_that_fails_in_its_first_draw(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    def refuse(_probe: ProbeDraw, _image: Image) -> None:
        raise GlError("the first draw", (GL_OUT_OF_MEMORY,))

    monkeypatch.setattr(ProbeDraw, "check", refuse)
    rows = random_rows(XR24, 16, 16)
    surface = surfaces.surface(rows, XR24, 16)
    outcome = renderer.outcome(surface)
    assert outcome.path is PixelPath.COPY
    assert outcome.status.reason is Reason.IMPORT_FAILED
    assert [each.method for each in outcome.failures] == [ImportMethod.EXPLICIT, ImportMethod.IMPLICIT]
    assert all("GL_OUT_OF_MEMORY" in each.message and each.egl_error is None for each in outcome.failures)
    assert (picture(renderer, surface)[..., :3] == reference(rows, XR24, 16)[..., :3]).all()


def test_neither_importable_nor_readable(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    """As mbochs exports its buffers. llvmpipe would crash if it imported this one."""
    surface = surfaces.surface(random_rows(XR24, 16, 16), XR24, 16, flags=os.O_WRONLY)
    outcome = renderer.outcome(surface)
    assert outcome.path is None
    assert outcome.status.reason is Reason.NOT_READABLE
    assert "Permission denied" in outcome.status.detail
    assert [each.method for each in outcome.failures] == [ImportMethod.EXPLICIT]
    assert renderer.capture(frame(surface), CaptureKind.PRIMARY) is None


@pytest.mark.parametrize("modifier", [drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED])
def test_a_truncated_buffer_is_not_shown(renderer: Renderer, surfaces: SurfaceFactory, modifier: int) -> None:
    plane = plane_of(XR24, 128, 12, 512, modifier=modifier)
    tiled_rows = 16 if modifier else 12
    outcome = renderer.outcome(Surface(plane, surfaces.buffer(np.zeros(512 * tiled_rows - 1, np.uint8))))
    assert (outcome.path, outcome.status.reason) == (None, Reason.BUFFER_TRUNCATED)


def test_no_padding_is_needed_after_the_last_row(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    rows = random_rows(XR24, 30, 5)
    plane = plane_of(XR24, 30, 5, 200)
    surface = Surface(plane, surfaces.buffer(padded(rows, 200)))
    assert renderer.outcome(surface).path is PixelPath.EGL_IMAGE
    assert (picture(renderer, surface)[..., :3] == reference(rows, XR24, 30)[..., :3]).all()


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        (plane_of(drm.fourcc_code("NV12"), 16, 16, 64), Reason.UNKNOWN_FORMAT),
        (plane_of(XR24, 0, 16, 64), Reason.BAD_GEOMETRY),
        (plane_of(XR24, 16, 0, 64), Reason.BAD_GEOMETRY),
        (plane_of(XR24, 16, 16, 63), Reason.BAD_GEOMETRY),
        (plane_of(XR24, 0xFFFFFFFF, 16, 0xFFFFFFFF), Reason.BAD_GEOMETRY),
        (plane_of(XR24, 1, 0xFFFFFFFF, 4), Reason.BAD_GEOMETRY),
        (plane_of(XR24, 128, 8, 520, modifier=drm.I915_FORMAT_MOD_X_TILED), Reason.BAD_GEOMETRY),
    ],
)
def test_impossible_planes(renderer: Renderer, surfaces: SurfaceFactory, plane: Plane, reason: Reason) -> None:
    outcome = renderer.outcome(Surface(plane, surfaces.buffer(np.zeros(8192, np.uint8))))
    assert (outcome.path, outcome.status.reason) == (None, reason)


def test_larger_than_a_texture_may_be(
    gl_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    monkeypatch.setattr(gl_context, "max_texture_size", 31)
    outcome = renderer.outcome(surfaces.picture(random_picture(32, 8)))
    assert (outcome.path, outcome.status.reason) == (None, Reason.BAD_GEOMETRY)
    assert "31" in outcome.status.detail


def test_no_import_extension(
    gl_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    monkeypatch.setattr(gl_context, "imports_dma_bufs", False)
    outcome = renderer.outcome(surfaces.picture(random_picture(32, 8)))
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.NO_IMPORT_EXTENSION)
    assert len(outcome.failures) == 1


def test_a_buffer_that_was_released(renderer: Renderer, surfaces: SurfaceFactory) -> None:
    surface = surfaces.picture(random_picture(32, 8))
    surfaces.release()
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)


EDGES = st.sampled_from((0, 1, 2, 3, 63, 64, 65, 127, 4096, 16384, 16385, 2**31 - 1, 2**31, 2**32 - 1)) | st.integers(
    0, 200
)
PLANES = st.builds(
    plane_of,
    st.sampled_from([each.fourcc for each in known_formats()]) | st.integers(0, 2**32 - 1),
    EDGES,
    EDGES,
    st.sampled_from((0, 1, 128, 512, 1024, 2**32 - 1)) | st.integers(0, 2000),
    modifier=st.sampled_from(
        (
            0,
            drm.DRM_FORMAT_MOD_INVALID,
            drm.I915_FORMAT_MOD_X_TILED,
            drm.I915_FORMAT_MOD_Y_TILED_CCS,
            drm.I915_FORMAT_MOD_Yf_TILED,
            2**64 - 1,
        )
    ),
    offset=st.sampled_from((-1, 0, 1, 64, 4095, 4096, 2**31, 2**32 - 1)),
    y_inverted=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(plane=PLANES, size=st.sampled_from((1, 4095, 4096, 70000, 300000)))
def test_whatever_a_driver_reports(gl_context: Context, plane: Plane, size: int) -> None:
    """Nothing raises or crashes, and there is either a picture or a reason."""
    with surface_factory() as surfaces:
        renderer = Renderer(gl_context)
        surface = Surface(plane, surfaces.buffer(np.zeros(size, np.uint8)))
        outcome = renderer.outcome(surface)
        actual = renderer.capture(frame(surface), CaptureKind.PRIMARY)
        assert (actual is None) == (outcome.path is None) == (outcome.status.state is State.ERROR)
        if actual is not None:
            assert actual.shape == (plane.height, plane.width, 4)
        renderer.release()
