"""An import that failed for a passing reason is tried again after a pause, one that was refused is not."""

import errno
import mmap

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.abi.drm_fourcc import fourcc_mod_code
from app.planes.frame import Surface
from app.planes.outcome import ImportMethod, PixelPath
from app.planes.status import Reason, State
from gl.context import Context
from gl.egl_constants import EGL_BAD_ACCESS, EGL_BAD_ALLOC, EGL_BAD_MATCH
from gl.egl_display import EglDisplay
from gl.errors import GL_OUT_OF_MEMORY, GlError
from gl.probe_draw import ProbeDraw
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.gl.failing import ATTEMPTS_MS, MS, SECOND, Clock, FailingCall, draw_for
from tests.gl.surfaces import SurfaceFactory, frame, plane_of, random_picture

XR24 = drm.DRM_FORMAT_XRGB8888
GL_INVALID_VALUE = 0x0501


def test_a_dma_buf_that_cannot_be_mapped_now(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Import and copy both need the mapping where the CPU draws; afterwards the plane is imported as usual."""
    shown = frame(surfaces.picture(random_picture(16, 8)))
    mapping = FailingCall(clock, mmap.mmap, OSError(errno.ENOMEM, "Cannot allocate memory"))
    with monkeypatch.context() as patch:
        patch.setattr("mmap.mmap", mapping)
        outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert mapping.attempts_ms == ATTEMPTS_MS
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
    outcome = draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert (outcome.path, outcome.status.reason, outcome.failures) == (PixelPath.EGL_IMAGE, Reason.OK, ())


def test_a_dma_buf_that_was_mapped_before_and_cannot_be_mapped_again_now(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The copy uses the mapping that is there, and must not stay when memory is back."""
    shown = frame(surfaces.picture(random_picture(16, 8)))
    assert shown.primary is not None
    with shown.primary.buffer.mapping():
        pass
    mapping = FailingCall(clock, mmap.mmap, OSError(errno.ENOMEM, "Cannot allocate memory"))
    with monkeypatch.context() as patch:
        patch.setattr("mmap.mmap", mapping)
        outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert mapping.attempts_ms == ATTEMPTS_MS
    assert outcome.path is PixelPath.COPY
    outcome = draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert (outcome.path, outcome.status.reason, outcome.failures) == (PixelPath.EGL_IMAGE, Reason.OK, ())


class EglRefusal:
    """An eglCreateImageKHR that fails with ``code`` until that is None."""

    def __init__(self, context: Context, clock: Clock, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._create, self._get_error = context.egl.CreateImageKHR, context.egl.GetError
        self._clock = clock
        self.code: int | None = code
        self.times: list[int] = []
        monkeypatch.setattr(context.egl, "CreateImageKHR", self._create_image)
        monkeypatch.setattr(context.egl, "GetError", lambda: self.code or self._get_error())

    def _create_image(self, *arguments: object) -> int:
        self.times.append(self._clock.now)
        return 0 if self.code is not None else self._create(*arguments)

    @property
    def attempts_ms(self) -> list[int]:
        return sorted({each // MS for each in self.times})


def test_an_import_that_lacked_memory_does_not_stay_a_copy(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = EglRefusal(importing_context, clock, EGL_BAD_ALLOC, monkeypatch)
    picture = random_picture(16, 8)
    shown = frame(surfaces.picture(picture))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert refusal.attempts_ms == ATTEMPTS_MS
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    assert outcome.status.state is State.DEGRADED
    assert [(each.method, each.egl_error) for each in outcome.failures] == [
        (ImportMethod.EXPLICIT, "EGL_BAD_ALLOC"),
        (ImportMethod.IMPLICIT, "EGL_BAD_ALLOC"),
    ]
    assert calls["TexStorage2D"] == 1 + 1, "the target, and one texture for all copies"
    refusal.code = None
    outcome = draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert (outcome.path, outcome.status.reason, outcome.failures) == (PixelPath.EGL_IMAGE, Reason.OK, ())
    captured = renderer.capture(shown)
    assert captured is not None and (captured == picture).all()
    refusal.times.clear()
    draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert refusal.times == []


def test_nothing_changes_for_the_caller_while_retries_fail(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The result of a draw is the same object, so that a window tells its state once."""
    EglRefusal(importing_context, clock, EGL_BAD_ALLOC, monkeypatch)
    shown = frame(surfaces.picture(random_picture(16, 8)))
    drawn = renderer.draw(shown, target)
    draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert renderer.draw(shown, target) is drawn


@pytest.mark.parametrize("code", [EGL_BAD_MATCH, EGL_BAD_ACCESS])
def test_an_import_that_was_refused_for_good_is_tried_once(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    refusal = EglRefusal(importing_context, clock, code, monkeypatch)
    shown = frame(surfaces.picture(random_picture(16, 8)))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert refusal.attempts_ms == [0]
    assert outcome.path is PixelPath.COPY


@pytest.mark.parametrize(
    ("code", "attempts_ms"), [(GL_OUT_OF_MEMORY, ATTEMPTS_MS), (GL_INVALID_VALUE, [0])], ids=("memory", "value")
)
def test_an_import_whose_first_draw_fails(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    attempts_ms: list[int],
) -> None:
    probe = FailingCall(clock, lambda _image: None, GlError("the first draw", (code,)))
    monkeypatch.setattr(ProbeDraw, "check", probe)
    shown = frame(surfaces.picture(random_picture(16, 8)))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert probe.attempts_ms == attempts_ms
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    probe.error = None
    outcome = draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert outcome.path is (PixelPath.EGL_IMAGE if code == GL_OUT_OF_MEMORY else PixelPath.COPY)


def test_an_import_that_failed_where_no_copy_is_possible(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tiling cannot be undone by the CPU, but the import may succeed later."""
    monkeypatch.setattr(EglDisplay, "modifiers", lambda _self, _fourcc: ())
    refusal = EglRefusal(importing_context, clock, EGL_BAD_ALLOC, monkeypatch)
    plane = plane_of(XR24, 16, 8, 64, modifier=fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_AMD, 0x1234))
    shown = frame(Surface(plane, surfaces.buffer(np.zeros(64 * 8, np.uint8))))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert (outcome.path, outcome.status.reason) == (None, Reason.TILING_UNKNOWN)
    assert refusal.attempts_ms == ATTEMPTS_MS
