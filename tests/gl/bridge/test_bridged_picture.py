"""The bridge between two software displays: what one imports is handed over to the other, and nothing is lost."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.formats.yuv import Matrix
from app.planes.buffer import DmaBuffer
from app.planes.outcome import HandOverForm, ImportMethod, Outcome, PixelPath
from app.planes.status import Reason, State
from gl import api
from gl.capture import CaptureKind
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from gl.shared_parts import SharedParts
from tests.conftest import open_files
from tests.gl.bridge.shared import captured, forbid_mapping
from tests.gl.bridging import OTHER, REFUSED, Rig, bridged
from tests.gl.counting import Calls, counted
from tests.gl.failing import MS, Clock
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, random_picture, random_rows, window

XR24 = drm.DRM_FORMAT_XRGB8888
AR24 = drm.DRM_FORMAT_ARGB8888
FORMATS = {
    "XR24": XR24,
    "AB24": drm.DRM_FORMAT_ABGR8888,
    "RG16": drm.DRM_FORMAT_RGB565,
    "XR15": drm.DRM_FORMAT_XRGB1555,
    "XR30": drm.DRM_FORMAT_XRGB2101010,
    "AB30": drm.DRM_FORMAT_ABGR2101010,
    "C8": drm.DRM_FORMAT_C8,
    "YUYV": drm.DRM_FORMAT_YUYV,
    "UYVY": drm.DRM_FORMAT_UYVY,
}


@pytest.fixture
def direct(importing_context: Context, calls: Calls) -> Iterator[Renderer]:
    """A renderer of the display that imports the buffers itself."""
    renderer = Renderer(importing_context)
    yield renderer
    renderer.release()


def _is_bridged(outcome: Outcome, form: HandOverForm) -> None:
    assert (outcome.path, outcome.status.reason) == (PixelPath.BRIDGE, Reason.OK)
    assert outcome.failures == (REFUSED,)
    assert outcome.bridge is not None and outcome.bridge.form is form
    assert bool(outcome.bridge.reason) is (form is HandOverForm.READ_BACK)
    assert "llvmpipe" in outcome.bridge.gpu


@pytest.mark.parametrize("name", FORMATS)
def test_the_picture_is_that_of_a_direct_import(
    direct: Renderer, renderer: Renderer, surfaces: SurfaceFactory, form: HandOverForm, name: str
) -> None:
    """Each format, with padded rows, an offset, and the bottom row first."""
    fourcc = FORMATS[name]
    rows = random_rows(fourcc, 34, 17)
    stride = -(-rows.shape[1] // 64) * 64 + 64
    for offset, y_inverted in ((0, False), (4096, False), (64, True)):
        surface = surfaces.surface(rows, fourcc, 34, stride=stride, offset=offset, y_inverted=y_inverted)
        for options in (DrawOptions(), DrawOptions(matrix=Matrix.BT709)):
            expected = captured(direct, frame(surface), options)
            assert direct.outcome(surface).path is PixelPath.EGL_IMAGE
            assert np.array_equal(captured(renderer, frame(surface), options), expected)
        _is_bridged(renderer.outcome(surface), form)


def test_a_cursor_keeps_its_alpha(
    direct: Renderer, renderer: Renderer, surfaces: SurfaceFactory, form: HandOverForm
) -> None:
    """Colours above their alpha too, which a driver might take for premultiplied ones and limit."""
    rgba = np.random.default_rng(1).integers(0, 256, (64, 64, 4), np.uint8)
    cursor = surfaces.cursor(rgba, (-3, 5))
    shown = frame(surfaces.picture(random_picture(80, 70)), cursor)
    alone = renderer.capture(shown, CaptureKind.CURSOR)
    assert alone is not None and np.array_equal(alone, rgba)
    for straight in (False, True):
        options = DrawOptions(straight_alpha=straight)
        assert np.array_equal(captured(renderer, shown, options), captured(direct, shown, options))
    _is_bridged(renderer.outcome(cursor), form)


def test_ten_bits_stay_ten_bits(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, form: HandOverForm
) -> None:
    rows = random_rows(drm.DRM_FORMAT_ABGR2101010, 32, 8)
    rows[:, 3::4] |= 0xC0
    surface = surfaces.surface(rows, drm.DRM_FORMAT_ABGR2101010, 32)
    image = renderer.image(surface)
    assert image is not None
    assert np.array_equal(_ten_bit_texels(importing_context, image.texture.name, 32, 8), rows)
    _is_bridged(renderer.outcome(surface), form)


def _ten_bit_texels(context: Context, texture: int, width: int, height: int) -> Bytes:
    gl = context.gl
    framebuffer = gl.generate(gl.GenFramebuffers)
    texels = np.empty((height, width * 4), np.uint8)
    try:
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, framebuffer)
        gl.FramebufferTexture2D(api.GL_FRAMEBUFFER, api.GL_COLOR_ATTACHMENT0, api.GL_TEXTURE_2D, texture, 0)
        packed = api.GL_UNSIGNED_INT_2_10_10_10_REV
        gl.ReadPixels(0, 0, width, height, api.GL_RGBA, packed, texels.ctypes.data)
        gl.check("reading ten bits")
    finally:
        gl.delete(gl.DeleteFramebuffers, framebuffer)
    return texels


def test_tiled_pixels_are_those_of_the_exporting_gpu(renderer: Renderer, surfaces: SurfaceFactory, rig: Rig) -> None:
    """A software display imports no tiling, so the bridge's own failures are told, and the CPU copies the pixels."""
    rows = random_rows(XR24, 128, 16)
    surface = surfaces.surface(rows, XR24, 128, modifier=drm.I915_FORMAT_MOD_X_TILED)
    shown = renderer.capture(frame(surface))
    assert shown is not None
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.state) == (PixelPath.COPY, State.DEGRADED)
    assert [each.method for each in outcome.failures] == [ImportMethod.EXPLICIT, *[ImportMethod.BRIDGE] * 2]
    assert "without a modifier this display would not know the tiling" in outcome.failures[2].message
    assert outcome.status.detail.startswith("another GPU exports the buffer; bridge: ")


def test_the_next_picture_has_what_the_guest_draws(
    renderer: Renderer, surfaces: SurfaceFactory, form: HandOverForm, target: RenderTarget
) -> None:
    surface = surfaces.picture(random_picture(16, 8))
    shown = frame(surface)
    first = renderer.draw(shown, target)
    for seed in (1, 2):
        rows = random_rows(XR24, 16, 8, seed)
        surfaces.overwrite(surface.buffer, rows)
        assert renderer.draw(shown, target) is first
        image = captured(renderer, shown)[..., [2, 1, 0]]
        assert np.array_equal(image, rows.reshape(8, 16, 4)[..., :3])
    assert first.primary is not None
    _is_bridged(first.primary, form)


def test_a_frame_takes_no_memory(
    importing_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory, form: HandOverForm, rig: Rig
) -> None:
    """A guest that flips among buffers: one hand-over for the picture, one for the cursor, nothing for each frame."""
    cursor = surfaces.cursor(random_picture(16, 16), (3, 4))
    frames = [frame(surfaces.picture(random_picture(64, 64, seed)), cursor) for seed in range(3)]
    with window(importing_context, 64, 64) as (target, _):
        for each in frames:
            renderer.draw(each, target)
        before, files = Calls(calls), open_files()
        with counted(rig.opened[0]) as there:
            for each in frames * 2:
                renderer.draw(each, target)
        moved = 2 * len(frames) * 2
        read_back = form is HandOverForm.READ_BACK
        assert calls.since(before).allocating() == ({"TexSubImage2D": moved} if read_back else {})
        assert there.allocating() == ({"ReadPixels": moved} if read_back else {})
        assert rig.allocated == (0 if read_back else 2)
        assert open_files() == files


def test_nothing_grows_over_flips_and_resizes(
    importing_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory, form: HandOverForm, rig: Rig
) -> None:
    """1000 flips, each 10th to another size, each to a new buffer; at the end everything is closed."""
    # Some of these may be closed meanwhile: displays that tests share.
    shared = open_files()
    with window(importing_context, 16, 16) as (target, _), ExitStack() as stack:
        there = Calls()
        before: list[object] = []
        for flip in range(1000):
            size = (16 + flip // 10 % 7, 8)
            surface = surfaces.picture(random_picture(*size, flip % 5))
            drawn = renderer.draw(frame(surface), target)
            assert drawn.primary is not None and drawn.primary.path is PixelPath.BRIDGE
            assert isinstance(surface.buffer, DmaBuffer)
            surface.buffer.release()
            renderer.drop_released()
            if flip == 0:
                there = stack.enter_context(counted(rig.opened[0]))
            elif flip == 300:
                before = [open_files() - shared, calls.alive(), there.alive()]
        assert [open_files() - shared, calls.alive(), there.alive()] == before
        assert len(rig.opened) == 1
    renderer.release()


def test_the_context_that_was_current_is_current_again(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, form: HandOverForm
) -> None:
    egl = importing_context.egl
    before = (egl.GetCurrentContext(), egl.GetCurrentDisplay())
    surface = surfaces.picture(random_picture(16, 8))
    acts: list[Callable[[], object]] = [
        lambda: renderer.capture(frame(surface)),
        renderer.drop_released,
        renderer.release,
    ]
    for act in acts:
        act()
        assert (egl.GetCurrentContext(), egl.GetCurrentDisplay()) == before


def test_buffers_go_when_the_vm_ends(
    calls: Calls, renderer: Renderer, surfaces: SurfaceFactory, form: HandOverForm, target: RenderTarget
) -> None:
    """The exporting GPU's driver would keep the dma-buf that it drew last, and with it the device of an ended VM."""
    small = surfaces.picture(random_picture(16, 8))
    renderer.draw(frame(small), target)
    assert isinstance(small.buffer, DmaBuffer)
    small.buffer.release()
    renderer.drop_released()
    files = open_files()
    for seed in range(3):
        surface = surfaces.picture(random_picture(32, 8, seed))
        renderer.draw(frame(surface), target)
        assert isinstance(surface.buffer, DmaBuffer)
        surface.buffer.release()
        renderer.drop_released()
        assert open_files() == files
        assert "CreateImageKHR" not in calls.alive()
        assert "/memfd:plane" not in Path("/proc/self/maps").read_text(), "the driver keeps the buffer"


@pytest.mark.parametrize("cursor", [False, True])
def test_changed_pixels_are_seen_on_the_exporting_gpu(
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    form: HandOverForm,
    cursor: bool,
) -> None:
    """The CPU may not map GVT-g's buffers. A picture that stands still is not handed over again and again."""
    forbid_mapping(monkeypatch)
    surface = surfaces.picture(random_picture(300, 33))
    above = surfaces.cursor(random_picture(16, 16), (0, 0)) if cursor else None
    shown = frame(surface, above)
    drawn = renderer.draw(shown, target)
    assert drawn.primary is not None
    _is_bridged(drawn.primary, form)
    looks = []
    for _ in range(40):
        clock.now += 16 * MS
        look = renderer.look(shown)
        assert look is not None
        looks.append(look.draw)
    assert not any(looks[20:])
    rows = random_rows(XR24, 300, 33, 7)
    surfaces.overwrite(surface.buffer, rows)
    clock.now += 16 * MS
    look = renderer.look(shown)
    assert look is not None and look.draw and look.previous_ns is not None


def test_looks_at_a_guest_that_flips_compile_nothing(
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    rig: Rig,
) -> None:
    forbid_mapping(monkeypatch)
    frames = [frame(surfaces.picture(random_picture(64, 16, seed))) for seed in range(3)]
    linked = []
    for shown in frames * 2:
        renderer.draw(shown, target)
        with counted(rig.opened[0]) as there:
            for _ in range(4):
                clock.now += 16 * MS
                assert renderer.look(shown) is not None
        linked.append(there["LinkProgram"])
    assert linked == [1, 0, 0, 0, 0, 0]


def test_one_renderer_of_several_lets_go_of_its_buffers(
    importing_context: Context,
    calls: Calls,
    surfaces: SurfaceFactory,
    form: HandOverForm,
    target: RenderTarget,
    rig: Rig,
) -> None:
    """As the overview does for a VM that is no longer shown: the bridge stays, for the other VMs."""
    with bridged(rig):
        parts = SharedParts(importing_context)
        stays, goes = (Renderer(importing_context, parts=parts) for _ in range(2))
        for each in (stays, goes):
            each.set_bridge(OTHER)
        surface = surfaces.picture(random_picture(32, 8))
        goes.draw(frame(surface), target)
        goes.release()
        assert isinstance(surface.buffer, DmaBuffer)
        surface.buffer.release()
        assert "/memfd:plane" not in Path("/proc/self/maps").read_text(), "the driver keeps the buffer"
        assert rig.opened[0].display.handle
        stays.release()
        parts.release()
        importing_context.sweep()


def test_a_wrong_dma_buf_is_not_used(renderer: Renderer, surfaces: SurfaceFactory, rig: Rig) -> None:
    """A window's GPU that takes the buffer and reads other memory: the picture is read back instead."""
    rig.allocates = rig.wrong_copies = True
    picture = random_picture(40, 20)
    surface = surfaces.picture(picture)
    assert np.array_equal(captured(renderer, frame(surface)), picture)
    outcome = renderer.outcome(surface)
    assert outcome.bridge is not None
    assert outcome.bridge.form is HandOverForm.READ_BACK
    assert "reads other pixels" in outcome.bridge.reason
    other = surfaces.picture(random_picture(41, 20))
    renderer.capture(frame(other))
    assert rig.allocated == 1, "tried once"
