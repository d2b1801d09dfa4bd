"""Imports that wait for a trial: what is shown meanwhile, and what follows from its end."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer
from app.planes.frame import Surface
from app.planes.outcome import PixelPath
from app.planes.status import Reason, State
from gl.context import Context, SurfacelessContext
from gl.egl_display import DisplayOrigin, Platform
from gl.import_trials import ImportTrials
from gl.renderer import Renderer
from gl.trial_import import import_and_read, matching_context
from gl.trial_process import TrialFailed, TrialLimits, TrialProcess, TrialUnlike
from gl.trial_record import TrialAnswer, TrialEnd, TrialRecord
from gl.trial_request import TrialRequest, parse_request, renderer_facts, trial_key, trial_origins
from tests.gl.failing import MS, Clock
from tests.gl.surfaces import SurfaceFactory, format_of, frame, plane_of, random_picture

SURVIVED = TrialAnswer(TrialEnd.SURVIVED)
CRASH = TrialAnswer(TrialEnd.SIGNAL, "the trial was ended by SIGSEGV")


class FakeTrial(TrialProcess):
    """A trial without a process, which ends when the test says so."""

    def __init__(self, put: Callable[[TrialAnswer], object]) -> None:
        self._put = put
        self.answer = None
        self.failure = None
        self.cancelled = False
        self.waited = False

    @property
    def done(self) -> bool:
        return self.answer is not None or self.failure is not None

    def end(self, answer: TrialAnswer) -> None:
        self.answer = answer
        self._put(answer)

    def wait(self) -> None:
        self.waited = True
        self.end(SURVIVED)

    def cancel(self) -> None:
        self.cancelled = True


class Starts:
    """Starts fake trials; ``error`` is raised instead."""

    def __init__(self) -> None:
        self.trials: list[FakeTrial] = []
        self.error: OSError | None = None

    def __call__(
        self, request: str, fd: int, limits: TrialLimits, ended: Callable[[TrialAnswer], object]
    ) -> TrialProcess:
        if self.error is not None:
            raise self.error
        assert parse_request(request).plane.width
        self.trials.append(FakeTrial(ended))
        return self.trials[-1]


@pytest.fixture
def starts(importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """The context is like a window's: it does not wait, and knows nothing yet."""
    starts = Starts()
    monkeypatch.setattr(importing_context, "waits_for_trials", False)
    monkeypatch.setattr(importing_context, "record", TrialRecord(None))
    monkeypatch.setattr("gl.shared_parts.ImportTrials", partial(ImportTrials, start=starts))
    return starts


@pytest.fixture
def renderer(starts: Starts, importing_context: Context, clock: Clock) -> Iterator[Renderer]:
    renderer = Renderer(importing_context, clock)
    yield renderer
    renderer.release()


@pytest.fixture
def unreadable(surfaces: SurfaceFactory, importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> Surface:
    """A buffer that the CPU cannot read, on a display that would import it all the same."""
    monkeypatch.setattr(importing_context, "software", False)
    monkeypatch.setattr(DmaBuffer, "exporter", "i915")
    picture = random_picture(32, 8)
    return surfaces.surface(picture.reshape(8, -1), drm.DRM_FORMAT_XRGB8888, 32, flags=os.O_WRONLY)


def test_the_picture_is_copied_while_the_trial_runs(
    starts: Starts, renderer: Renderer, surfaces: SurfaceFactory, clock: Clock
) -> None:
    picture = random_picture(32, 8)
    surface = surfaces.picture(picture)
    shown = frame(surface)
    for _ in range(5):
        actual = renderer.capture(shown)
        assert actual is not None and (actual == picture).all()
        assert renderer.retry_ns is not None and 0 < renderer.retry_ns - clock.now <= 20 * MS
        clock.now = renderer.retry_ns
        outcome = renderer.outcome(surface)
        assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_ON_TRIAL)
    (trial,) = starts.trials
    trial.end(SURVIVED)
    clock.now += 20 * MS
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.reason) == (PixelPath.EGL_IMAGE, Reason.OK)
    assert renderer.retry_ns is None
    # Other buffers of the kind are imported at once.
    assert renderer.outcome(surfaces.picture(random_picture(32, 16, 1))).path is PixelPath.EGL_IMAGE
    assert starts.trials == [trial]


def test_a_crash_leaves_the_copy(starts: Starts, renderer: Renderer, surfaces: SurfaceFactory, clock: Clock) -> None:
    surface = surfaces.picture(random_picture(32, 8))
    renderer.outcome(surface)
    starts.trials[0].end(CRASH)
    clock.now += 20 * MS
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_CRASHES_DRIVER)
    assert outcome.status.state is State.DEGRADED and outcome.status.detail == CRASH.detail
    assert [each.message for each in outcome.failures] == [CRASH.detail]
    assert renderer.retry_ns is None
    renderer.outcome(surfaces.picture(random_picture(32, 8, 1)))
    assert len(starts.trials) == 1


def test_what_cannot_be_copied_waits_and_then_says_why(
    starts: Starts, renderer: Renderer, unreadable: Surface, clock: Clock
) -> None:
    outcome = renderer.outcome(unreadable)
    assert (outcome.path, outcome.status.reason) == (None, Reason.IMPORT_AWAITED)
    assert outcome.status.state is State.WAITING
    assert renderer.capture(frame(unreadable)) is None
    assert renderer.retry_ns is not None and renderer.retry_ns - clock.now <= 20 * MS
    starts.trials[0].end(CRASH)
    clock.now += 20 * MS
    outcome = renderer.outcome(unreadable)
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
    assert CRASH.detail in outcome.status.detail
    assert renderer.retry_ns is None


def test_a_trial_without_an_answer_is_made_again_after_a_pause(
    starts: Starts, renderer: Renderer, surfaces: SurfaceFactory, clock: Clock
) -> None:
    """Whatever the guest flips meanwhile."""
    starts.error = OSError(24, "Too many open files")
    outcome = renderer.outcome(surfaces.picture(random_picture(32, 8)))
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    assert "EMFILE" in outcome.status.detail
    starts.error = None
    for seed in range(5):
        outcome = renderer.outcome(surfaces.picture(random_picture(32, 8, seed)))
        assert outcome.status.reason is Reason.IMPORT_FAILED
    assert starts.trials == []
    clock.now += 200 * MS
    surface = surfaces.picture(random_picture(32, 8, 9))
    renderer.outcome(surface)
    starts.trials[0].failure = TrialFailed("it was ended by SIGKILL")
    clock.now += 20 * MS
    assert "SIGKILL" in renderer.outcome(surface).status.detail
    clock.now += 399 * MS
    renderer.outcome(surfaces.picture(random_picture(32, 8, 10)))
    assert len(starts.trials) == 1
    clock.now += MS
    renderer.outcome(surfaces.picture(random_picture(32, 8, 11)))
    assert len(starts.trials) == 2


def test_where_no_process_reaches_the_driver_the_import_is_made(
    starts: Starts, renderer: Renderer, surfaces: SurfaceFactory, clock: Clock, importing_context: Context
) -> None:
    surface = surfaces.picture(random_picture(32, 8))
    renderer.outcome(surface)
    starts.trials[0].failure = TrialUnlike("no such display")
    clock.now += 20 * MS
    assert renderer.outcome(surface).path is PixelPath.EGL_IMAGE
    assert renderer.outcome(surfaces.picture(random_picture(32, 8, 1))).path is PixelPath.EGL_IMAGE
    assert len(starts.trials) == 1


def test_a_trial_ends_with_the_buffers(starts: Starts, renderer: Renderer, surfaces: SurfaceFactory) -> None:
    """It has the dma-buf open, which would keep the device of an ended VM busy."""
    for end in (renderer.drop_released, renderer.release):
        renderer.outcome(surfaces.picture(random_picture(32, 8)))
        surfaces.release()
        end()
        assert starts.trials[-1].cancelled


def test_commands_wait_for_the_trial(
    starts: Starts,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importing_context, "waits_for_trials", True)
    assert renderer.outcome(surfaces.picture(random_picture(32, 8))).path is PixelPath.EGL_IMAGE
    assert starts.trials[0].waited


def test_what_decides_whether_an_import_is_known(
    importing_context: Context, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    surface = surfaces.picture(random_picture(64, 8))
    plane, buffer, facts = surface.plane, surface.buffer, renderer_facts(importing_context)

    def key() -> str:
        return trial_key(importing_context, facts, plane, buffer)

    first = key()
    assert all(value in first for value in facts.values())
    assert trial_key(importing_context, facts, replace(plane, height=4, x=7, handle=9, stride=512), buffer) == first
    others = [
        trial_key(importing_context, facts | {"version": "Mesa 99"}, plane, buffer),
        trial_key(importing_context, facts, replace(plane, fourcc=drm.DRM_FORMAT_RGB565), buffer),
        trial_key(importing_context, facts, replace(plane, modifier=drm.I915_FORMAT_MOD_X_TILED), buffer),
        trial_key(importing_context, facts, replace(plane, stride=260), buffer),
        trial_key(importing_context, facts, replace(plane, offset=64), buffer),
        trial_key(importing_context, facts, plane, surfaces.buffer(random_picture(64, 8).ravel(), os.O_RDONLY)),
    ]
    monkeypatch.setattr(buffer, "info", replace(buffer.info, exporter="i915"))  # type: ignore[attr-defined]
    others.append(key())
    monkeypatch.setattr(importing_context.display, "origin", DisplayOrigin(Platform.WAYLAND))
    others.append(key())
    assert first not in others and len(set(others)) == len(others)


def test_a_windows_display_is_reached_by_its_window_system_first(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    display = importing_context.display
    monkeypatch.setattr(display, "origin", DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD128"))
    assert trial_origins(importing_context) == (display.origin,)
    monkeypatch.setattr(display, "origin", DisplayOrigin(Platform.X11))
    monkeypatch.setitem(display.__dict__, "render_node", "/dev/dri/renderD129")
    assert trial_origins(importing_context) == (
        DisplayOrigin(Platform.X11),
        DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD129"),
        DisplayOrigin(Platform.SOFTWARE),
        DisplayOrigin(Platform.SURFACELESS),
    )


@pytest.mark.usefixtures("own_context")
def test_the_process_takes_the_first_display_with_the_same_driver(
    importing_context: Context, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    facts = renderer_facts(importing_context)
    plane = plane_of(drm.DRM_FORMAT_XRGB8888, 32, 8, 128)
    origins = (DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD999"), DisplayOrigin(Platform.SURFACELESS))
    request = TrialRequest(plane, facts, origins)
    assert parse_request(request.to_json()) == request
    context = matching_context(request)
    assert isinstance(context, SurfacelessContext) and context.display.origin == origins[1]
    with context:
        buffer = surfaces.buffer(random_picture(32, 8).ravel())
        import_and_read(context, plane, format_of(plane.fourcc), buffer)
        assert not context.gl.errors()
    assert matching_context(replace(request, facts=facts | {"version": "another"})) is None


def test_a_guest_that_shows_many_kinds_of_planes_starts_few_processes(
    starts: Starts, renderer: Renderer, surfaces: SurfaceFactory, clock: Clock
) -> None:
    pictures = [random_picture(16 + width, 4, width) for width in range(12)]
    kinds = [
        surfaces.surface(each.reshape(4, -1), drm.DRM_FORMAT_XRGB8888, 16 + width, offset=64 * (width % 2))
        for width, each in enumerate(pictures)
    ]
    most = 0
    seen = set()
    for _ in range(20):
        for each in kinds:
            outcome = renderer.outcome(each)
            seen.add((outcome.path, outcome.status.reason))
            most = max(most, sum(not trial.done for trial in starts.trials))
        clock.now += 20 * MS
        for trial in starts.trials:
            if not trial.done:
                trial.end(SURVIVED)
    assert most == 2 < len(starts.trials)
    assert {renderer.outcome(each).path for each in kinds} == {PixelPath.EGL_IMAGE}
    assert seen == {(PixelPath.COPY, Reason.IMPORT_ON_TRIAL), (PixelPath.EGL_IMAGE, Reason.OK)}


def test_a_trial_counts_no_more_when_its_picture_is_gone(
    starts: Starts, renderer: Renderer, surfaces: SurfaceFactory, clock: Clock
) -> None:
    for width in (16, 17, 18, 20):
        surface = surfaces.picture(random_picture(width, 4))
        assert renderer.outcome(surface).status.reason is Reason.IMPORT_ON_TRIAL
        starts.trials[-1].failure = TrialFailed("it was ended by SIGKILL")
    assert len(starts.trials) == 4
