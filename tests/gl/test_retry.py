"""What failed for a passing reason is tried again after a pause, what failed for good is not. On a fake clock."""

import errno
import fcntl
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.abi.drm_fourcc import fourcc_mod_code
from app.formats import tiling
from app.planes.frame import Frame, Surface
from app.planes.plane import Backing, Plane
from app.planes.status import Reason, State
from gl.capture import CaptureKind
from gl.context import Context
from gl.egl_constants import EGL_BAD_ACCESS, EGL_BAD_ALLOC, EGL_BAD_MATCH
from gl.egl_display import EglDisplay
from gl.errors import GL_OUT_OF_MEMORY, EglError, GlError
from gl.outcome import ImportMethod, Outcome, PixelPath
from gl.probe_draw import ProbeDraw
from gl.renderer import Renderer
from gl.retry import Retry, may_pass, next_retry
from gl.target import Target
from gl.textures import UploadTexture
from tests.gl.counting import Calls
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, plane_of, random_picture, random_rows, window

XR24 = drm.DRM_FORMAT_XRGB8888
GL_INVALID_VALUE = 0x0501
MS = 1_000_000
SECOND = 1000 * MS
REFRESH = 10 * MS
# When attempts are made, in milliseconds since the first: the pause doubles from 200 ms up to 5 s.
ATTEMPTS_MS = [0, 200, 600, 1400, 3000, 6200, 11200, 16200]


class Clock:
    """Nanoseconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class FailingCall:
    """Stands for a function: raises ``error`` until that is None; ``times`` are when it was called."""

    def __init__(self, clock: Clock, function: Callable[..., object], error: Exception | None) -> None:
        self._clock = clock
        self._function = function
        self.error = error
        self.times: list[int] = []

    def __call__(self, *arguments: object, **named: object) -> object:
        self.times.append(self._clock.now)
        if self.error is not None:
            raise self.error
        return self._function(*arguments, **named)

    @property
    def attempts_ms(self) -> list[int]:
        """Milliseconds of the calls, each once however many calls an attempt makes."""
        return sorted({each // MS for each in self.times})


class FailingBuffer:
    """Memory whose mapping fails with ``error`` until that is None; ``times`` are when it was mapped."""

    def __init__(self, clock: Clock, data: Bytes, error: Exception | None) -> None:
        self._clock = clock
        self._data = data.tobytes()
        self.error = error
        self.times: list[int] = []
        self.serial = -2
        self.size = len(self._data)
        self.released = False
        self.dmabuf_fd: int | None = None
        self.inode: int | None = None
        self.exporter: str | None = None

    @contextmanager
    def mapping(self) -> Iterator[memoryview]:
        self.times.append(self._clock.now)
        if self.error is not None:
            raise self.error
        with memoryview(self._data) as view:
            yield view

    @property
    def attempts_ms(self) -> list[int]:
        return sorted({each // MS for each in self.times})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def renderer(gl_context: Context, calls: Calls, clock: Clock) -> Iterator[Renderer]:
    renderer = Renderer(gl_context, clock)
    yield renderer
    renderer.release()


@pytest.fixture
def target(gl_context: Context, calls: Calls) -> Iterator[Target]:
    with window(gl_context, 16, 8) as (target, _):
        yield target


def draw_for(renderer: Renderer, shown: Frame, target: Target, clock: Clock, duration: int) -> Outcome:
    """Draw one frame at the pace of a display, for so many nanoseconds; the outcome of the primary plane."""
    end = clock.now + duration
    while True:
        outcome = renderer.draw(shown, target).primary
        if clock.now >= end:
            assert outcome is not None
            return outcome
        clock.now += REFRESH


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
    renderer: Renderer, target: Target, clock: Clock
) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.ENOMEM, "Cannot allocate memory"))
    shown = frame(Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert buffer.attempts_ms == ATTEMPTS_MS
    assert (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
    assert "ENOMEM" in outcome.status.detail and "tried again" in outcome.status.detail
    buffer.error = None
    outcome = draw_for(renderer, shown, target, clock, 2 * SECOND)
    assert (outcome.path, outcome.status.reason) == (PixelPath.REGION, Reason.OK)
    assert renderer.draw(shown, target).placement is not None


def test_pauses_start_anew_after_a_success(renderer: Renderer, target: Target, clock: Clock) -> None:
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


def test_a_mapping_that_may_never_succeed_is_tried_once(renderer: Renderer, target: Target, clock: Clock) -> None:
    buffer = FailingBuffer(clock, random_rows(XR24, 16, 8), OSError(errno.EACCES, "Permission denied"))
    shown = frame(Surface(plane_of(XR24, 16, 8, 64, backing=Backing.REGION), buffer))
    outcome = draw_for(renderer, shown, target, clock, 20 * SECOND)
    assert buffer.attempts_ms == [0]
    assert outcome.status.reason is Reason.NOT_READABLE
    assert "tried again" not in outcome.status.detail


def test_memory_that_was_read_before_is_tried_again_whatever_the_error(
    renderer: Renderer, target: Target, clock: Clock
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
    target: Target,
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


def test_a_dma_buf_that_cannot_be_mapped_now(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    target: Target,
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
    renderer: Renderer, surfaces: SurfaceFactory, target: Target, clock: Clock, monkeypatch: pytest.MonkeyPatch
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
