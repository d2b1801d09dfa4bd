"""``mdevview inspect --watch``: follows what a source shows, and tells its changes."""

import io
import json
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from app.diagnosis.changes.change import Change, ChangeKind, LogStart
from app.diagnosis.changes.changes import ChangeLog
from app.diagnosis.picture.history import PictureHistory
from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.pacing import Pace, Pacer
from app.planes.frame import Frame
from app.planes.outcome import Outcome
from app.planes.pixel_samples import Look
from app.planes.plane import PlaneKind
from app.planes.status import Reason, Status
from gl.canvas import Canvas
from gl.errors import GlError
from gl.one_colour import Colour, one_colour
from gl.render_target import RenderTarget
from gl.session_document import current_findings
from ui.cli.output import printable, write_output
from ui.cli.stop_signals import StopSignals
from ui.fd_wait import FdWait, due_ns
from ui.host_facts_reader import HostFactsReader
from ui.offscreen import OffscreenView

_VERSION = 1
_SECOND = 1_000_000_000
_FINDINGS_NS = _SECOND
_HOST_PERIOD_S = 3.0
# An import is proven by a draw, however small.
_EDGE = 64

Tell = Callable[[Iterable[Change]], object]


def watch(view: OffscreenView, *, as_json: bool, duration_s: float | None) -> int:
    """Print the changes until a signal, the end of the time, or the end of the device.

    Raises MdevviewError, and BrokenPipeError when nobody reads the output any more.
    """
    start = LogStart(time.monotonic_ns(), datetime.now(UTC).astimezone())

    def tell(changes: Iterable[Change]) -> None:
        for each in changes:
            write_output(json.dumps(start.document(each)) if as_json else printable(start.line(each)))

    context = view.renderer.context
    renderer, node = context.renderer, context.display.render_node
    values = {"version": _VERSION, "target": view.session.target, "renderer": renderer, "render_node": node}
    text = f"watching {view.session.target}; renderer {renderer}" + (f" on {node}" if node else "")
    first = (Change(start.ns, ChangeKind.START, text, None, values),)
    follow(view, tell, duration_s, PictureHistory(time.monotonic_ns()), first)
    return 0


def follow(
    view: OffscreenView, tell: Tell, duration_s: float | None, history: PictureHistory, first: Iterable[Change] = ()
) -> Frame:
    """Tell ``first``, then the changes of a session, and the history of its frames, for some time (None: no limit).

    Returns the last frame. A signal that asks the program to stop ends it; a second one does what it did before. Raises
    BrokenPipeError when standard output is a pipe that nobody reads any more, even if nothing changes.
    """
    follower = _Follower(view, tell, history)
    end = None if duration_s is None else time.monotonic_ns() + round(duration_s * _SECOND)
    output = _output_pipe()
    with StopSignals(limit=1) as signals, FdWait() as waiting:

        def finished() -> bool:
            return signals.count > 0 or (end is not None and time.monotonic_ns() >= end)

        def wait(fd: int, ns: int | None) -> None:
            limits = (each for each in (end, follower.due_ns) if each is not None)
            waiting.wait((fd, signals.fileno(), output), due_ns(ns, *limits))
            _require_reader(output)
            follower.tick()

        try:
            # Now a signal is heeded, so whoever waits for the first line may send one.
            tell(first)
            follower.loop.run(wait, finished)
        finally:
            follower.close()
    return follower.loop.frame


class _Follower:
    """Draws each new frame as a window does, and tells what changed. A thread reads what the host knows."""

    def __init__(self, view: OffscreenView, tell: Tell, history: PictureHistory) -> None:
        self._session = view.session
        self._renderer = view.renderer
        self._tell = tell
        self._history = history
        self._log = ChangeLog()
        self._host = HostFactsReader()
        self._canvas = Canvas(view.renderer.context, _EDGE, _EDGE)
        self._target = RenderTarget(_EDGE, _EDGE, self._canvas.framebuffer)
        self._drawn: Frame | None = None
        self._failure: Status | None = None
        self._findings_ns = 0
        # The message of the first frame of a pushed source came before.
        self._began_ns = time.monotonic_ns()
        self.loop = FrameLoop(
            view.session.source,
            Pacer(Pace(), time.monotonic_ns()),
            due=self._draw,
            changed=self._changed,
            gone=view.renderer.drop_released,
            probe=self._look,
        )

    @property
    def due_ns(self) -> int:
        """When :meth:`tick` has something to do."""
        due = self._log.due_ns
        return self._findings_ns if due is None else min(due, self._findings_ns)

    def tick(self) -> None:
        now = time.monotonic_ns()
        self._tell(self._log.tick(now))
        if now >= self._findings_ns:
            self._findings_ns = now + _FINDINGS_NS
            self._tell(self._log.buffers(self._session.buffers(), now))
            device = self._session.device_facts()
            self._tell(self._log.query_errors(device.query_errors, now))
            host = self._host.latest(self._session.host_facts, _HOST_PERIOD_S)
            frame = self.loop.frame
            findings = current_findings(
                self._session,
                frame,
                self._renderer,
                device,
                host,
                self._history,
                one_colour=self._colour_of(frame),
                failure=self._failure,
            )
            self._tell(self._log.findings(findings, now))
            # What was asked of the renderer replaced what it had prepared, and it looks only at a drawn frame.
            self._drawn = None
            self._draw()

    def _look(self, frame: Frame) -> Look | None:
        """Look whether the guest draws into the buffer on the screen."""
        look = self._renderer.look(frame)
        if look is not None:
            self._history.looked(look, look.seen_ns)
        return look

    def _colour_of(self, frame: Frame) -> Colour | None:
        """The colour of a picture that has only one. It is looked at again each time: a guest may draw in place."""
        try:
            return one_colour(self._renderer, frame)
        except GlError:
            # The draw of the frame fails in the same way, and tells of it.
            return None

    def close(self) -> None:
        """Release the framebuffer, and wait a short while for the thread; more calls do nothing."""
        self._canvas.release()
        self._host.close()

    def _changed(self, frame: Frame) -> None:
        seen = max(self._began_ns, frame.timing.seen_ns) if frame.timing is not None else time.monotonic_ns()
        self._history.saw(frame, seen)
        self._tell(self._log.frame(frame, seen))
        self._tell(self._log.buffers(self._session.buffers(), time.monotonic_ns()))

    def _draw(self) -> None:
        frame, renderer = self.loop.frame, self._renderer
        retry = renderer.retry_ns
        if frame.primary is None or (frame is self._drawn and (retry is None or time.monotonic_ns() < retry)):
            self.loop.drawn(retry)
            return
        self._failure = None
        try:
            drawn = renderer.draw(frame, self._target)
            outcomes = {PlaneKind.PRIMARY: drawn.primary, PlaneKind.CURSOR: drawn.cursor}
        except GlError as error:
            self._failure = Status(Reason.RENDER_FAILED, str(error))
            outcomes = {PlaneKind.PRIMARY: Outcome(None, None, (), self._failure)}
        self._drawn = frame
        self.loop.drawn(renderer.retry_ns)
        self.loop.shown()
        now = time.monotonic_ns()
        for kind, outcome in outcomes.items():
            if outcome is not None:
                self._tell(self._log.outcome(kind, outcome, now))


def _output_pipe() -> int:
    """The fd of standard output if it is a pipe, else -1."""
    try:
        fd = sys.stdout.fileno()
        return fd if stat.S_ISFIFO(os.fstat(fd).st_mode) else -1
    except (OSError, ValueError, io.UnsupportedOperation):
        return -1


def _require_reader(pipe: int) -> None:
    """Raises BrokenPipeError if the other end of the pipe is closed."""
    if pipe < 0:
        return
    closed = select.poll()
    closed.register(pipe, 0)
    if closed.poll(0):
        raise BrokenPipeError
