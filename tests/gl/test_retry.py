"""What failed for a passing reason is tried again after a pause, what failed for good is not. On a fake clock."""

import errno
import fcntl

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.abi.drm_fourcc import fourcc_mod_code
from app.formats import tiling
from app.planes.frame import Surface
from app.planes.outcome import PixelPath
from app.planes.plane import Backing, Plane
from app.planes.status import Reason, State
from gl.capture import CaptureKind
from gl.compositor import run_steps
from gl.context import Context
from gl.egl_constants import EGL_BAD_ALLOC, EGL_BAD_MATCH
from gl.errors import GL_OUT_OF_MEMORY, EglError, GlError
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from gl.retry import Retry, may_pass, next_retry
from gl.textures import UploadTexture
from tests.gl.failing import ATTEMPTS_MS, MS, REFRESH, SECOND, Clock, FailingBuffer, FailingCall, draw_for
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, plane_of, random_picture, random_rows

XR24 = drm.DRM_FORMAT_XRGB8888
GL_INVALID_VALUE = 0x0501


def test_pauses_grow_up_to_a_limit() -> None:
    now, retry, pauses = 0, None, []
    for _ in range(8):
        retry = next_retry(now, retry)
        pauses.append(retry.pause_ns // MS)
        assert retry == Retry(now + retry.pause_ns, retry.pause_ns)
        now = retry.due_ns
    assert pauses == [200, 400, 800, 1600, 3200, 5000, 5000, 5000]


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OSError(errno.ENOMEM, "memory"), True),
        (OSError(errno.EIO, "input/output"), True),
        (OSError(errno.EAGAIN, "again"), True),
        (OSError(errno.EACCES, "access"), False),
        (OSError(errno.ENODEV, "no device"), False),
        (GlError("uploading", (GL_INVALID_VALUE, GL_OUT_OF_MEMORY)), True),
        (GlError("uploading", (GL_INVALID_VALUE,)), False),
        (EglError("eglCreateImageKHR", EGL_BAD_ALLOC), True),
        (EglError("eglCreateImageKHR", EGL_BAD_MATCH), False),
        (MemoryError(), True),
        (ValueError("the buffer was released"), False),
    ],
)
def test_errors_that_may_pass(error: Exception, passing: bool) -> None:
    assert may_pass(error) is passing


def test_a_mapping_that_fails_is_tried_again_without_a_new_frame(
    renderer: Renderer, target: RenderTarget, clock: Clock
) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.ENOMEM, "Cannot allocate memory"))
    shown = frame(Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer))
    draw_for(renderer, shown, target, clock, 0)
    assert renderer.retry_ns == 200 * MS
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert buffer.attempts_ms == ATTEMPTS_MS
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
    assert "ENOMEM" in outcome.status.detail and "tried again" in outcome.status.detail
    buffer.error = None
    outcome = draw_for(renderer, shown, target, clock, 2 * SECOND)
    assert (outcome.path, outcome.status.reason) == (PixelPath.REGION, Reason.OK)
    assert renderer.draw(shown, target).placement is not None
    assert renderer.retry_ns is None


@pytest.mark.usefixtures("importing_context")
def test_a_frame_that_opengl_failed_to_draw_is_due_again(
    renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that tells of its changes may bring no other frame for long."""
    shown = frame(surfaces.picture(random_picture(16, 8)))
    clock.now = SECOND
    with monkeypatch.context() as patch:
        patch.setattr("gl.renderer.run_steps", FailingCall(clock, run_steps, GlError("drawing", (GL_OUT_OF_MEMORY,))))
        with pytest.raises(GlError, match="GL_OUT_OF_MEMORY"):
            renderer.draw(shown, target)
    assert renderer.retry_ns == SECOND + 200 * MS
    drawn = renderer.draw(shown, target)
    assert drawn.primary is not None and drawn.primary.status.reason is Reason.OK
    assert renderer.retry_ns is None


def test_a_capture_tells_when_it_is_worth_another_try(renderer: Renderer, clock: Clock) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.ENOMEM, "Cannot allocate memory"))
    surface = Surface(plane_of(XR24, 16, 8, 64, backing=Backing.MEMORY), buffer)
    assert renderer.capture(frame(surface)) is None
    assert renderer.retry_ns == 200 * MS
    buffer.error = None
    clock.now += 200 * MS
    assert renderer.outcome(surface).status.reason is Reason.OK
    assert renderer.retry_ns is None


def test_pauses_start_anew_after_a_success(renderer: Renderer, target: RenderTarget, clock: Clock) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.ENOMEM, "Cannot allocate memory"))
    shown = frame(Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer))
    draw_for(renderer, shown, target, clock, 5 * SECOND)
    buffer.error = None
    draw_for(renderer, shown, target, clock, 5 * SECOND)
    buffer.error = OSError(errno.EIO, "Input/output error")
    buffer.times.clear()
    start = clock.now // MS
    draw_for(renderer, shown, target, clock, 1 * SECOND)
    assert [each - start for each in buffer.attempts_ms] == ATTEMPTS_MS[:3]


def test_commands_without_a_window_wait_as_well(renderer: Renderer, clock: Clock) -> None:
    """They ask for a picture every few milliseconds."""
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.ENOMEM, "Cannot allocate memory"))
    surface = Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer)
    while clock.now < 5 * SECOND:
        assert renderer.capture(frame(surface)) is None
        assert renderer.outcome(surface).path is None
        clock.now += REFRESH
    assert buffer.attempts_ms == ATTEMPTS_MS[:5]
    buffer.error = None
    clock.now += 5 * SECOND
    assert renderer.capture(frame(surface)) is not None


def test_a_mapping_that_may_never_succeed_is_tried_once(renderer: Renderer, target: RenderTarget, clock: Clock) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.EACCES, "Permission denied"))
    shown = frame(Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert buffer.attempts_ms == [0]
    assert outcome.status.reason is Reason.NOT_READABLE
    assert "tried again" not in outcome.status.detail


def test_memory_that_was_read_before_is_tried_again_whatever_the_error(
    renderer: Renderer, target: RenderTarget, clock: Clock
) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), None)
    shown = frame(Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer))
    draw_for(renderer, shown, target, clock, 0)
    buffer.error = OSError(errno.ENODEV, "No such device")
    buffer.times.clear()
    draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert buffer.attempts_ms == ATTEMPTS_MS


@pytest.mark.parametrize("read_before", [False, True])
def test_a_sync_error(
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    read_before: bool,
) -> None:
    monkeypatch.setattr(gl_context, "imports_dma_bufs", False)
    shown = frame(surfaces.picture(random_picture(16, 8)))
    if read_before:
        draw_for(renderer, shown, target, clock, 0)
    sync = FailingCall(clock, fcntl.ioctl, OSError(errno.EIO, "Input/output error"))
    monkeypatch.setattr("app.planes.dmabuf.fcntl.ioctl", sync)
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert sync.attempts_ms == ATTEMPTS_MS
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
    sync.error = OSError(errno.ENOTTY, "a memfd")
    outcome = draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.NO_IMPORT_EXTENSION)


@pytest.mark.parametrize(
    "plane",
    [
        plane_of(XR24, 16, 8, 64, modifier=fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_AMD, 0x1234)),
        plane_of(drm.fourcc_code("NV12"), 16, 8, 64),
        plane_of(XR24, 16, 8, 60),
        plane_of(XR24, 16, 9, 64),
    ],
    ids=("tiling", "format", "geometry", "truncated"),
)
def test_planes_that_cannot_be_are_looked_at_once(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    plane: Plane,
) -> None:
    load = FailingCall(clock, renderer._surfaces._load, None)
    monkeypatch.setattr(renderer._surfaces, "_load", load)
    shown = frame(Surface(plane, surfaces.buffer(np.zeros(64 * 8, np.uint8))))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert outcome.status.state is State.ERROR
    assert load.attempts_ms == [0]


@pytest.mark.parametrize(
    ("code", "attempts_ms"), [(GL_OUT_OF_MEMORY, ATTEMPTS_MS), (GL_INVALID_VALUE, [0])], ids=("memory", "value")
)
@pytest.mark.parametrize("read_before", [False, True])
def test_an_upload_that_opengl_does_not_take(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    attempts_ms: list[int],
    read_before: bool,
) -> None:
    shown = frame(surfaces.picture(random_picture(16, 8), backing=Backing.MEMORY))
    if read_before:
        draw_for(renderer, shown, target, clock, 0)
    send = FailingCall(clock, UploadTexture.send, GlError("uploading", (code,)))
    with monkeypatch.context() as patch:
        patch.setattr(UploadTexture, "send", send)
        outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert send.attempts_ms == attempts_ms
    assert (outcome.path, outcome.status.reason) == (None, Reason.UPLOAD_FAILED)
    outcome = draw_for(renderer, shown, target, clock, 5 * SECOND)
    assert outcome.path is (PixelPath.COPY if code == GL_OUT_OF_MEMORY else None)


def test_a_texture_there_is_no_memory_for(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = FailingCall(clock, lambda: None, GlError("storage for a texture", (GL_OUT_OF_MEMORY,)))
    shown = frame(surfaces.picture(random_picture(16, 8), backing=Backing.MEMORY))
    with monkeypatch.context() as patch:
        patch.setattr("gl.textures.new_texture", storage)
        outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert storage.attempts_ms == ATTEMPTS_MS
    assert outcome.status.reason is Reason.UPLOAD_FAILED
    assert draw_for(renderer, shown, target, clock, 5 * SECOND).path is PixelPath.COPY


@pytest.mark.parametrize(
    ("stride", "modifier"), [(16 * 4 + 1, drm.DRM_FORMAT_MOD_LINEAR), (512, drm.I915_FORMAT_MOD_X_TILED)]
)
def test_pixels_there_is_no_memory_to_copy_into(
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: RenderTarget,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    stride: int,
    modifier: int,
) -> None:
    surface = surfaces.surface(
        random_rows(XR24, 16, 8), XR24, 16, stride=stride, modifier=modifier, backing=Backing.REGION
    )

    def detile(data: memoryview, *_arguments: object) -> None:
        flat = np.frombuffer(data, np.uint8)
        assert flat.size
        raise MemoryError

    def pack(_texture: UploadTexture, rows: Bytes) -> None:
        assert rows.size
        raise MemoryError

    shown = frame(surface)
    with monkeypatch.context() as patch:
        patch.setattr(tiling, "detile", detile)
        patch.setattr(UploadTexture, "_pack", pack)
        outcome = draw_for(renderer, shown, target, clock, 0)
    assert outcome.status.reason is Reason.UPLOAD_FAILED
    assert "memory" in outcome.status.detail
    assert draw_for(renderer, shown, target, clock, 1 * SECOND).path is PixelPath.REGION


def test_a_released_buffer_is_not_tried_again(
    renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = frame(surfaces.picture(random_picture(16, 8), backing=Backing.MEMORY))
    draw_for(renderer, shown, target, clock, 0)
    surfaces.release()
    load = FailingCall(clock, renderer._surfaces._load, None)
    monkeypatch.setattr(renderer._surfaces, "_load", load)
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
    assert len(load.times) <= 1


def test_a_capture_tells_an_error_of_opengl_from_a_missing_picture(
    renderer: Renderer, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the plane was uploaded before; and in the capture after the one that failed."""
    shown = frame(surfaces.picture(random_picture(16, 8), backing=Backing.MEMORY))
    assert renderer.capture(shown) is not None
    assert renderer.capture(shown, CaptureKind.CURSOR) is None

    def fail(*_arguments: object) -> None:
        raise GlError("uploading", (GL_OUT_OF_MEMORY,))

    monkeypatch.setattr(UploadTexture, "send", fail)
    for _ in range(2):
        with pytest.raises(GlError, match="uploading: GL_OUT_OF_MEMORY"):
            renderer.capture(shown)


def test_an_upload_error_that_opengl_only_records(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture after that must not be the picture before, with nothing said about the error."""
    shown = frame(surfaces.picture(random_picture(16, 8), backing=Backing.MEMORY))
    assert renderer.capture(shown) is not None
    get_error, pending = gl_context.gl.GetError, [GL_OUT_OF_MEMORY]

    def send(*_arguments: object) -> None:
        monkeypatch.setattr(gl_context.gl, "GetError", lambda: pending.pop() if pending else get_error())

    monkeypatch.setattr(UploadTexture, "send", send)
    with pytest.raises(GlError, match="GL_OUT_OF_MEMORY"):
        renderer.capture(shown)
