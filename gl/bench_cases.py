"""The cases of ``mdevview bench``: each prepares what it needs and then repeats one action.

All show the guest of :class:`app.measure.bench.bench_device.BenchDevice`. An action that draws ends with glFinish, so
that its time has all of the driver's work. ``tests/bench/floor.c`` does the same in C.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from app.abi import drm_fourcc as drm
from app.errors import error_text
from app.measure.bench.bench_cases import HEIGHT, WIDTH, BenchCase
from app.measure.bench.bench_device import BenchDevice
from app.measure.bench.bench_document import BenchResult
from app.measure.bench.bench_timing import Timing, time_action
from app.planes.buffer import DmaBuffer
from app.planes.frame import Frame, Surface
from app.planes.outcome import ImportMethod, Outcome, PixelPath
from app.vfio.poller import Poller
from app.vfio.region_mapping import Stays, never_stays
from gl.canvas import Canvas
from gl.context import Context
from gl.egl_display import DisplayOrigin, Platform
from gl.errors import GraphicsError
from gl.render_target import RenderTarget
from gl.renderer import Renderer

_TILINGS = {
    "detile-x": drm.I915_FORMAT_MOD_X_TILED,
    "detile-y": drm.I915_FORMAT_MOD_Y_TILED,
    "detile-yf": drm.I915_FORMAT_MOD_Yf_TILED,
    "detile-4": drm.I915_FORMAT_MOD_4_TILED,
}

# The bench's buffers are plain memory, which no other device imports.
_EXPORTING = DisplayOrigin(Platform.SOFTWARE)

Action = Callable[[], object]
Prepare = Callable[[Context, tuple[int, int]], AbstractContextManager[Action]]
OpenDevice = Callable[[], BenchDevice]


class NotMeasured(Exception):
    """This machine does not do what the case measures; the text says why."""


def _prepare(case: BenchCase) -> Prepare:
    """What gives the action of a case for a context and a target's size."""
    guest = partial(BenchDevice, WIDTH, HEIGHT)
    still = partial(BenchDevice, WIDTH, HEIGHT, buffers=1)
    region = partial(still, region=True)
    if case.name in _TILINGS:
        return partial(_frames, partial(guest, modifier=_TILINGS[case.name]), PixelPath.COPY)
    return {
        "poll-off": partial(_poll, partial(BenchDevice, 0, 0, buffers=0)),
        "poll": partial(_poll, still),
        "cached": partial(_frames, guest, PixelPath.EGL_IMAGE),
        "reimport": partial(_reimport, still),
        "copy": partial(_frames, guest, PixelPath.COPY),
        "bridge": partial(_frames, guest, PixelPath.BRIDGE),
        # The memory of the bench's device is sealed, so its mapping does stay.
        "region": partial(_frames, region, PixelPath.REGION, stays=lambda _mapping: True),
        "region-vanishing": partial(_frames, region, PixelPath.REGION),
        "composite": partial(_composite, still),
        "capture": partial(_capture, still),
    }[case.name]


def run_case(
    context: Context, case: BenchCase, seconds: float, timed: Callable[[Action, float], Timing] = time_action
) -> BenchResult:
    """Time one case with the context, which is current. A failure is a result with its reason."""
    try:
        with _prepare(case)(context, (case.target_width, case.target_height)) as action:
            note = _bridge_note(context) if case.name == "bridge" else ""
            return BenchResult(case, timed(action, seconds), note=note)
    except OSError as error:
        return BenchResult(case, None, error_text(error))
    except MemoryError:
        return BenchResult(case, None, "out of memory")
    except (NotMeasured, GraphicsError) as error:
        return BenchResult(case, None, str(error))
    finally:
        context.sweep()


def _bridge_note(context: Context) -> str:
    """Between which GPUs the bench's bridge is."""
    return f"from EGL's software device to {context.renderer}, read back: another GPU may be faster or slower"


@contextmanager
def _poller(open_device: OpenDevice, stays: Stays = never_stays) -> Iterator[Poller]:
    poller = Poller(open_device(), stays=stays)
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
    open_device: OpenDevice, path: PixelPath, context: Context, size: tuple[int, int], stays: Stays = never_stays
) -> Iterator[tuple[Poller, Renderer, RenderTarget]]:
    """A device's poller and a renderer that gets its planes by ``path``. Raises :class:`NotMeasured` if it does not."""
    with ExitStack() as stack:
        poller = stack.enter_context(_poller(open_device, stays))
        if path in (PixelPath.COPY, PixelPath.BRIDGE):
            stack.enter_context(_without_import(context))
        canvas = Canvas(context, *size)
        stack.callback(canvas.release)
        renderer = Renderer(context)
        stack.callback(renderer.release)
        if path is PixelPath.BRIDGE:
            renderer.set_bridge(_EXPORTING)
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
        # That the window's own import failed is no reason: this bench turned it off.
        bridge = next((each for each in outcome.failures if each.method is ImportMethod.BRIDGE), None)
        raise NotMeasured(bridge.message if bridge else outcome.status.detail or outcome.status.hint)


@contextmanager
def _without_import(context: Context) -> Iterator[None]:
    """The context of a machine that imports no dma-buf, so that the planes are copied."""
    imports, context.imports_dma_bufs = context.imports_dma_bufs, False
    try:
        yield
    finally:
        context.imports_dma_bufs = imports


@contextmanager
def _frames(
    open_device: OpenDevice, path: PixelPath, context: Context, size: tuple[int, int], *, stays: Stays = never_stays
) -> Iterator[Action]:
    """Poll, draw and finish; each poll finds the flip to a buffer that was shown before."""
    with _scene(open_device, path, context, size, stays) as (poller, renderer, target):
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

        def release() -> None:
            while buffers:
                buffers.pop().release()

        stack.callback(release)

        def frame() -> None:
            release()
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
