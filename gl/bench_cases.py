"""The cases of ``mdevview bench``: each prepares what it needs and then repeats one action.

All show a guest of 1920x1080 pixels with a cursor (:class:`app.measure.bench_device.BenchDevice`). An action that draws
ends with glFinish, so that its time has all of the driver's work. ``tests/bench/floor.c`` does the same in C.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from app.abi import drm_fourcc as drm
from app.errors import error_text
from app.measure.bench_device import BenchDevice
from app.measure.bench_document import BenchCase, BenchResult
from app.measure.bench_timing import Timing, time_action
from app.planes.buffer import DmaBuffer
from app.planes.frame import Frame, Surface
from app.vfio.poller import Poller
from gl.canvas import Canvas
from gl.context import Context
from gl.errors import GraphicsError
from gl.outcome import Outcome, PixelPath
from gl.render_target import RenderTarget
from gl.renderer import Renderer

_WIDTH, _HEIGHT = 1920, 1080
_SMALL = (64, 64)
_TILINGS = {
    "detile-x": drm.I915_FORMAT_MOD_X_TILED,
    "detile-y": drm.I915_FORMAT_MOD_Y_TILED,
    "detile-yf": drm.I915_FORMAT_MOD_Yf_TILED,
    "detile-4": drm.I915_FORMAT_MOD_4_TILED,
}

Action = Callable[[], object]
Prepare = Callable[[Context, tuple[int, int]], AbstractContextManager[Action]]
OpenDevice = Callable[[], BenchDevice]


class NotMeasured(Exception):
    """This machine does not do what the case measures; the text says why."""


@dataclass(frozen=True, slots=True)
class RunnableCase:
    """A case, and what gives its action for a context and a target's size."""

    case: BenchCase
    prepare: Prepare


def bench_cases() -> tuple[RunnableCase, ...]:
    """All cases, in the order in which they are reported."""
    guest = partial(BenchDevice, _WIDTH, _HEIGHT)
    still = partial(BenchDevice, _WIDTH, _HEIGHT, buffers=1)
    region = partial(BenchDevice, _WIDTH, _HEIGHT, buffers=1, region=True)
    cached = partial(_frames, guest, PixelPath.EGL_IMAGE)
    composite = partial(_composite, still)
    return (
        RunnableCase(BenchCase("poll-off"), partial(_poll, partial(BenchDevice, 0, 0, buffers=0))),
        RunnableCase(BenchCase("poll", _WIDTH, _HEIGHT), partial(_poll, still)),
        *(_drawn("cached", size, cached) for size in (_SMALL, (1920, 1080))),
        _drawn("reimport", _SMALL, partial(_reimport, still)),
        _drawn("copy", _SMALL, partial(_frames, guest, PixelPath.COPY)),
        _drawn("region", _SMALL, partial(_frames, region, PixelPath.REGION)),
        *(
            _drawn(name, _SMALL, partial(_frames, partial(guest, modifier=modifier), PixelPath.COPY))
            for name, modifier in _TILINGS.items()
        ),
        *(_drawn("composite", size, composite) for size in (_SMALL, (1280, 720), (1920, 1080), (3840, 2160))),
        _drawn("capture", (_WIDTH, _HEIGHT), partial(_capture, still)),
    )


def _drawn(name: str, target: tuple[int, int], prepare: Prepare) -> RunnableCase:
    return RunnableCase(BenchCase(name, _WIDTH, _HEIGHT, *target), prepare)


def case_names() -> tuple[str, ...]:
    """The names of the cases; several cases may have one name, for targets of several sizes."""
    return tuple(dict.fromkeys(each.case.name for each in bench_cases()))


def run_case(
    context: Context, runnable: RunnableCase, seconds: float, timed: Callable[[Action, float], Timing] = time_action
) -> BenchResult:
    """Time one case with the context, which is current. A failure is a result with its reason."""
    case = runnable.case
    try:
        with runnable.prepare(context, (case.target_width, case.target_height)) as action:
            return BenchResult(case, timed(action, seconds))
    except OSError as error:
        return BenchResult(case, None, error_text(error))
    except MemoryError:
        return BenchResult(case, None, "out of memory")
    except (NotMeasured, GraphicsError) as error:
        return BenchResult(case, None, str(error))
    finally:
        context.sweep()


def run_cases(context: Context, cases: Sequence[RunnableCase], seconds: float) -> Iterator[BenchResult]:
    """Time the cases one after another."""
    for each in cases:
        yield run_case(context, each, seconds)


@contextmanager
def _poller(open_device: OpenDevice) -> Iterator[Poller]:
    poller = Poller(open_device())
    try:
        yield poller
    finally:
        poller.close()


@contextmanager
def _poll(open_device: OpenDevice, _context: Context, _size: tuple[int, int]) -> Iterator[Action]:
    with _poller(open_device) as poller:
        yield poller.latest


@contextmanager
def _scene(
    open_device: OpenDevice, path: PixelPath, context: Context, size: tuple[int, int]
) -> Iterator[tuple[Poller, Renderer, RenderTarget]]:
    """A device's poller and a renderer that gets its planes by ``path``. Raises :class:`NotMeasured` if it does not."""
    with ExitStack() as stack:
        poller = stack.enter_context(_poller(open_device))
        if path is PixelPath.COPY:
            stack.enter_context(_without_import(context))
        canvas = Canvas(context, *size)
        stack.callback(canvas.release)
        renderer = Renderer(context)
        stack.callback(renderer.release)
        target = RenderTarget(*size, canvas.framebuffer)
        frame = poller.latest()
        drawn = renderer.draw(frame, target)
        for outcome in (drawn.primary, drawn.cursor if frame.cursor is not None else drawn.primary):
            _require(outcome, path, frame)
        yield poller, renderer, target


def _require(outcome: Outcome | None, path: PixelPath, frame: Frame) -> None:
    if outcome is None:
        raise NotMeasured(f"the device shows nothing: {frame.status.detail or frame.status.hint}")
    if outcome.path is not path:
        why = outcome.failures[0].message if outcome.failures else outcome.status.detail or outcome.status.hint
        raise NotMeasured(why)


@contextmanager
def _without_import(context: Context) -> Iterator[None]:
    """The context of a machine that imports no dma-buf, so that the planes are copied."""
    imports, context.imports_dma_bufs = context.imports_dma_bufs, False
    try:
        yield
    finally:
        context.imports_dma_bufs = imports


@contextmanager
def _frames(open_device: OpenDevice, path: PixelPath, context: Context, size: tuple[int, int]) -> Iterator[Action]:
    """Poll, draw and finish; each poll finds the flip to a buffer that was shown before."""
    with _scene(open_device, path, context, size) as (poller, renderer, target):
        latest, draw, finish = poller.latest, renderer.draw, context.gl.Finish

        def frame() -> None:
            draw(latest(), target)
            finish()

        yield frame


@contextmanager
def _composite(open_device: OpenDevice, context: Context, size: tuple[int, int]) -> Iterator[Action]:
    """Draw the same frame again and finish, without a poll."""
    with _scene(open_device, PixelPath.EGL_IMAGE, context, size) as (poller, renderer, target):
        frame, draw, finish = poller.latest(), renderer.draw, context.gl.Finish

        def again() -> None:
            draw(frame, target)
            finish()

        yield again


@contextmanager
def _reimport(open_device: OpenDevice, context: Context, size: tuple[int, int]) -> Iterator[Action]:
    """Import a new buffer, prove the import, draw and finish: the cost of a framebuffer that is shown first."""
    with _scene(open_device, PixelPath.EGL_IMAGE, context, size) as (poller, renderer, target), ExitStack() as stack:
        first = poller.latest()
        assert first.primary is not None and first.primary.buffer.dmabuf_fd is not None
        plane, fd = first.primary.plane, first.primary.buffer.dmabuf_fd
        buffers: list[DmaBuffer] = []
        stack.callback(lambda: [each.release() for each in buffers])

        def frame() -> None:
            while buffers:
                buffers.pop().release()
            buffers.append(DmaBuffer(os.dup(fd)))
            renderer.draw(replace(first, primary=Surface(plane, buffers[0])), target)
            context.gl.Finish()

        yield frame


@contextmanager
def _capture(open_device: OpenDevice, context: Context, size: tuple[int, int]) -> Iterator[Action]:
    """Draw into a framebuffer of the picture's size and read it back."""
    with _scene(open_device, PixelPath.EGL_IMAGE, context, size) as (poller, renderer, _target):
        frame = poller.latest()
        yield lambda: renderer.capture(frame)
