"""A session without a window: opened, polled, and drawn with a context of its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from app.diagnosis.picture.picture_findings import device_gone, no_picture
from app.host.gpu import AUTO, GpuChoice
from app.measure.loop.frame_loop import FrameLoop, WaitCall
from app.measure.loop.pacing import Pace, Pacer
from app.measure.record.recorder import Recorder
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import Target
from app.planes.frame import Frame
from app.planes.status import State, Status
from gl.canvas import Canvas
from gl.gpu_timer import GpuTimer
from gl.offscreen_context import open_context
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from ui.fd_wait import FdWait, due_ns

_LOOK_NS = 1_000_000
_NEVER_NS = 1 << 62
# The looks tell when to draw again.
_LOOKING_PACE = Pace(
    poll=_LOOK_NS,
    poll_expected=_LOOK_NS,
    poll_at_rest=_LOOK_NS,
    poll_asleep=_LOOK_NS,
    redraw=_NEVER_NS,
    redraw_between_flips=_NEVER_NS,
)


class Watcher(Protocol):
    """Looks at the pixels of the newest frame. Times are nanoseconds of ``time.monotonic_ns()``."""

    def changed(self, frame: Frame) -> bool | None:
        """Look. Whether the pixels differ from those of the look before; None if they cannot be seen now."""
        ...

    def looked(self, begin_ns: int, end_ns: int, *, changed: bool | None) -> None:
        """The look took from ``begin_ns`` to ``end_ns`` and found this."""
        ...

    def submitted(self, ns: int) -> None:
        """A picture of what the last look saw was submitted at ``ns``."""
        ...


@dataclass(frozen=True, slots=True)
class OffscreenView:
    """A session and its renderer. Both belong to :func:`offscreen_view`."""

    session: Session
    renderer: Renderer

    def wait(self, check: Callable[[Frame], Status | None], timeout: float) -> Frame:
        """Poll until ``check`` accepts a frame, for ``timeout`` seconds at most.

        ``check`` returns None for a frame that it accepts, else a status that says why not. Raises NoPicture with the
        last such status, and DeviceGone.
        """
        frame, status = self.poll(check, timeout)
        if status is None:
            return frame
        if status.state is State.GONE:
            raise device_gone(self.session.target, status)
        raise no_picture(self.session.target, status, timeout)

    def poll(self, check: Callable[[Frame], Status | None], timeout: float) -> tuple[Frame, Status | None]:
        """The same without an error: the last frame, and None or the status that says why it was not accepted."""
        results: list[Status | None] = []
        end = time.monotonic() + timeout

        def check_frame() -> None:
            results.append(check(loop.frame))
            loop.drawn(self.renderer.retry_ns)
            if results[-1] is None:
                loop.shown()

        def finished() -> bool:
            return bool(results) and (results[-1] is None or time.monotonic() >= end)

        loop = FrameLoop(
            self.session.source, Pacer(Pace(), time.monotonic_ns()), due=check_frame, gone=self.renderer.drop_released
        )

        with FdWait() as waiting:

            def wait(fd: int, ns: int | None) -> None:
                waiting.wait((fd,), due_ns(ns, round(end * 1e9)))

            loop.run(wait, finished)
        return loop.frame, results[-1]

    def measure(
        self,
        size: tuple[int, int],
        recorder: Recorder,
        pace: Pace,
        finished: Callable[[], bool],
        wait: WaitCall,
    ) -> Frame:
        """Draw into a framebuffer of ``size`` whenever a picture is due, until ``finished`` or the source is gone.

        Returns the last frame. Raises GlError.
        """
        renderer, clock = self.renderer, time.monotonic_ns
        canvas = Canvas(renderer.context, *size)
        target = RenderTarget(*size, canvas.framebuffer)
        timer = GpuTimer(renderer.context, recorder.gpu_time)
        if not timer.available:
            recorder.expect_no_gpu_times()

        def draw() -> None:
            # No time has passed since the poll.
            frame = loop.frame
            if frame.primary is None:
                loop.drawn()
                return
            began = clock()
            timer.begin()
            renderer.draw(frame, target)
            timer.end()
            renderer.context.gl.Flush()
            timer.assign(recorder.drawn(frame, began, clock(), renderer.import_ns).number)
            # Only now, as it takes longer than anything above but the draw.
            timer.collect()
            loop.drawn(renderer.retry_ns)
            loop.shown()

        loop = FrameLoop(
            self.session.source,
            Pacer(pace, clock()),
            due=draw,
            gone=renderer.drop_released,
            observer=recorder,
            probe=renderer.look,
        )
        try:
            loop.run(wait, finished)
            renderer.context.gl.Finish()
            timer.collect()
        finally:
            timer.release()
            canvas.release()
        return loop.frame

    def measure_looks(
        self,
        size: tuple[int, int],
        recorder: Recorder,
        watcher: Watcher,
        finished: Callable[[], bool],
        wait: WaitCall,
    ) -> Frame:
        """As :meth:`measure`, but look at the pixels every millisecond, and draw when they changed or a frame is new.

        The look comes before the draw, so that the picture shows all that the look saw.
        """
        renderer, clock = self.renderer, time.monotonic_ns
        canvas = Canvas(renderer.context, *size)
        target = RenderTarget(*size, canvas.framebuffer)
        due: list[bool] = []
        looked_ns: int | None = None
        loop = FrameLoop(
            self.session.source,
            Pacer(_LOOKING_PACE, clock()),
            due=lambda: due.append(True),
            gone=renderer.drop_released,
            observer=recorder,
        )
        try:
            while not finished() and (pause := loop.step()) is not None:
                frame, begin = loop.frame, clock()
                changed = watcher.changed(frame)
                end = clock()
                watcher.looked(begin, end, changed=changed)
                if changed and looked_ns is not None:
                    recorder.pixels_changed(looked_ns, end)
                looked_ns = looked_ns if changed is None else begin
                if (due or changed) and frame.primary is not None:
                    began = clock()
                    renderer.draw(frame, target)
                    renderer.context.gl.Flush()
                    watcher.submitted(recorder.drawn(frame, began, clock(), renderer.import_ns).submit_ns)
                    loop.drawn(renderer.retry_ns)
                    loop.shown()
                due.clear()
                left = max(0, begin + _LOOK_NS - clock())
                wait(pause.fd, left if pause.ns is None else min(left, pause.ns))
        finally:
            canvas.release()
        return loop.frame


@contextmanager
def open_offscreen(
    target: Target, options: OpenOptions | None = None, gpu: GpuChoice = AUTO
) -> Iterator[OffscreenView]:
    """Open a target, and a context on the GPU that is chosen for it. Raises MdevviewError and GraphicsError."""
    with offscreen_view(open_target(target, options=options), gpu) as view:
        yield view


@contextmanager
def offscreen_view(session: Session, gpu: GpuChoice = AUTO) -> Iterator[OffscreenView]:
    """Make a context for a session, which is closed at the end. Raises MdevviewError and GraphicsError."""
    try:
        with open_context(gpu, session.exporter) as context:
            renderer = Renderer(context)
            try:
                yield OffscreenView(session, renderer)
            finally:
                # Images, then dma-bufs, then the device: see FrameSource.close.
                renderer.release()
    finally:
        session.close()
