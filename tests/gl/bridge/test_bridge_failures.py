"""Failures of the bridge.

Each ends on the copy path with the bridge's reason, costs no attempt for each frame, and leaves nothing behind.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer
from app.planes.frame import Frame
from app.planes.outcome import HandOverForm, ImportMethod, Outcome, PixelPath
from app.planes.status import Reason
from gl.bridge import Bridge, BridgeFailure
from gl.context import Context, SurfacelessContext
from gl.egl import Egl
from gl.egl_constants import EGL_BAD_ALLOC, EGL_CONTEXT_LOST
from gl.egl_display import DisplayOrigin, Platform
from gl.errors import GL_CONTEXT_LOST, EglError, GlError, UnsupportedContext
from gl.import_trials import ImportTrials
from gl.kept_current import ContextNotRestored, kept_current
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from gl.trial_record import TrialRecord
from tests.conftest import open_files
from tests.gl.bridge.shared import captured, forbid_mapping
from tests.gl.bridging import OTHER, Rig
from tests.gl.failing import MS, SECOND, Clock
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, random_rows
from tests.gl.test_import_trials import CRASH, SURVIVED, Starts

XR24 = drm.DRM_FORMAT_XRGB8888
AR24 = drm.DRM_FORMAT_ARGB8888


def _draw(renderer: Renderer, shown: Frame, target: RenderTarget) -> Outcome:
    outcome = renderer.draw(shown, target).primary
    assert outcome is not None
    return outcome


def test_a_display_that_cannot_be_used_is_tried_once(
    renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget, clock: Clock, rig: Rig
) -> None:
    rig.open_errors = [UnsupportedContext("EGL knows no device /dev/dri/renderD128")]
    frames = [frame(surfaces.picture(random_picture(16, 8, seed))) for seed in range(3)]
    for index in range(30):
        outcome = _draw(renderer, frames[index % 3], target)
        clock.now += SECOND
    assert rig.attempts == 1
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    assert outcome.failures[1].method is ImportMethod.BRIDGE
    assert "EGL knows no device" in outcome.status.detail


def test_a_missing_node_or_permission_is_told(
    importing_context: Context, surfaces: SurfaceFactory, target: RenderTarget
) -> None:
    renderer = Renderer(importing_context)
    renderer.set_bridge(DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD999"))
    importing_context.imports_dma_bufs = False
    try:
        outcome = _draw(renderer, frame(surfaces.picture(random_picture(16, 8))), target)
    finally:
        importing_context.imports_dma_bufs = True
        renderer.release()
    assert outcome.path is PixelPath.COPY
    assert outcome.failures[1].message == "/dev/dri/renderD999 cannot be used: ENOENT: No such file or directory"


def test_a_passing_failure_is_tried_again_after_a_pause(
    renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget, clock: Clock, rig: Rig
) -> None:
    """The pause is the bridge's, however many buffers the guest flips among."""
    rig.open_errors = [EglError("eglCreateContext", EGL_BAD_ALLOC) for _ in range(3)]
    frames: list[Frame] = []
    attempts = []
    outcome = None
    for index in range(200):
        seen = rig.attempts
        if index < 20:
            frames.append(frame(surfaces.picture(random_picture(16, 8, index))))
        outcome = _draw(renderer, frames[index % len(frames)], target)
        attempts += [clock.now // MS] * (rig.attempts - seen)
        clock.now += 10 * MS
    assert attempts[:1] == [0] and len(attempts) == 4
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    assert all(pause >= least for pause, least in zip(pauses, (200, 400, 800), strict=True))
    assert outcome is not None and outcome.path is PixelPath.BRIDGE


def _reports_loss(context: SurfacelessContext) -> None:
    def lost(operation: str) -> None:
        raise GlError(operation, (GL_CONTEXT_LOST,))

    context.gl.check = lost  # type: ignore[method-assign]


def _cannot_be_current(context: SurfacelessContext) -> None:
    def lost() -> None:
        raise EglError("eglMakeCurrent", EGL_CONTEXT_LOST)

    context.make_current = lost  # type: ignore[method-assign]


@pytest.mark.parametrize("lose", [_reports_loss, _cannot_be_current])
def test_a_lost_context_is_replaced(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    rig: Rig,
    form: HandOverForm,
    lose: Callable[[SurfacelessContext], None],
) -> None:
    picture = random_picture(16, 8)
    shown = frame(surfaces.picture(picture))
    assert _draw(renderer, shown, target).path is PixelPath.BRIDGE
    files = open_files()
    lose(rig.opened[0])
    outcome = _draw(renderer, shown, target)
    assert outcome.path is PixelPath.COPY
    assert "CONTEXT_LOST" in outcome.status.detail
    assert rig.opened[0].display.handle == 0, "closed"
    assert _draw(renderer, shown, target).path is PixelPath.COPY
    assert len(rig.opened) == 1
    clock.now += SECOND
    assert _draw(renderer, shown, target).path is PixelPath.BRIDGE
    assert np.array_equal(captured(renderer, shown), picture)
    assert (len(rig.opened), open_files()) == (2, files)


def test_both_planes_of_a_frame_lose_the_context(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    rig: Rig,
    form: HandOverForm,
) -> None:
    """The first plane that finds it closes the context, and the second one must not make it current again."""
    shown = frame(surfaces.picture(random_picture(16, 8)), surfaces.cursor(random_picture(4, 4), (1, 1)))
    assert _draw(renderer, shown, target).path is PixelPath.BRIDGE
    context = rig.opened[0]
    make_current = context.make_current

    def of_an_open_context() -> None:
        assert context.display.handle
        make_current()

    context.make_current = of_an_open_context  # type: ignore[method-assign]
    _reports_loss(context)
    drawn = renderer.draw(shown, target)
    for outcome in (drawn.primary, drawn.cursor):
        assert outcome is not None and outcome.path is PixelPath.COPY
        assert "CONTEXT_LOST" in outcome.failures[1].message


def test_a_failure_that_is_told_again_keeps_nothing(importing_context: Context, rig: Rig) -> None:
    """An exception that is raised again keeps the stack of each time, and with it the frames of the guest."""
    rig.open_errors = [UnsupportedContext("no")]
    bridge = Bridge(importing_context, OTHER, open_context=rig.open)
    depths = []
    for _ in range(4):
        with pytest.raises(BridgeFailure) as caught:
            bridge.side()
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert rig.attempts == 1
    assert depths[1:] == depths[1:2] * 3


def test_a_window_that_is_gone_is_closed_all_the_same(
    renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its surface cannot be made current again: that must not keep the device open."""
    surface = surfaces.picture(random_picture(16, 8))
    renderer.draw(frame(surface), target)
    assert isinstance(surface.buffer, DmaBuffer)
    surface.buffer.release()
    renderer.drop_released()

    @contextmanager
    def not_restored(egl: Egl) -> Iterator[None]:
        with kept_current(egl):
            yield
        raise ContextNotRestored("making the window's context current again", (), "EGL_BAD_SURFACE")

    monkeypatch.setattr("gl.exporting_side.kept_current", not_restored)
    renderer.drop_released()
    renderer.release()
    assert rig.opened[0].display.handle == 0


def test_what_nothing_can_read_says_why_of_both(
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    rig: Rig,
) -> None:
    rig.open_errors = [UnsupportedContext("EGL knows no device /dev/dri/renderD128")]
    forbid_mapping(monkeypatch)
    outcome = _draw(renderer, frame(surfaces.picture(random_picture(16, 8))), target)
    assert outcome.status.reason is Reason.NOT_READABLE
    assert outcome.status.detail == (
        "EACCES: Permission denied; importing: another GPU exports the buffer; "
        "bridge: EGL's software device cannot be used: EGL knows no device /dev/dri/renderD128"
    )


def test_an_import_that_ends_the_driver_is_made_by_no_gpu(
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    rig: Rig,
) -> None:
    """The driver is tried in another process first. Meanwhile the CPU copies: a window never waits."""
    starts, record = Starts(), TrialRecord(None)
    monkeypatch.setattr("gl.exporting_side.ImportTrials", partial(ImportTrials, start=starts))
    monkeypatch.setattr(importing_context, "waits_for_trials", False)
    rig.record = record
    shown = frame(surfaces.picture(random_picture(16, 8)))
    outcome = _draw(renderer, shown, target)
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_ON_TRIAL)
    assert not starts.trials[0].waited
    starts.trials[0].end(SURVIVED)
    clock.now += 100 * MS
    assert _draw(renderer, shown, target).path is PixelPath.BRIDGE
    starts.trials.clear()
    other = surfaces.surface(random_rows(AR24, 16, 8), AR24, 16)
    assert _draw(renderer, frame(other), target).status.reason is Reason.IMPORT_ON_TRIAL
    starts.trials[0].end(CRASH)
    clock.now += 100 * MS
    outcome = _draw(renderer, frame(other), target)
    assert outcome.path is PixelPath.COPY
    assert CRASH.detail in outcome.failures[1].message
