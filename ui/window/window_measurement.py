"""Measures what a window shows for some time, for ``mdevview measure --window``."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QObject, Qt, QTimer

from app.diagnosis.picture.picture_findings import device_gone, no_picture
from app.errors import MdevviewError, NoPicture, UsageError
from app.measure.record.frame_record import FrameRecord
from app.measure.record.recorder import Recorder, Sink
from app.open.opening import OpenOptions, open_target
from app.open.target import Target
from app.planes.status import State, Status
from ui.window.application import make_application, show
from ui.window.interrupt import Interrupt
from ui.window.latency.window_document import window_document
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

_LOOK_MS = 20
_SHOWS = (State.SHOWING, State.DEGRADED)
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """``timeout_s`` is how long to wait for a picture. ``size`` is that of the picture in device pixels.

    ``poll_ns`` is the fixed interval of polls that the window was given, None for none.
    """

    duration_s: float
    timeout_s: float
    size: tuple[int, int] | None
    poll_ns: int | None = None


@dataclass(frozen=True, slots=True)
class WindowRun:
    """The ``document`` of a run, the last ``status`` of the device, and the ``signal`` that ended it, 0 for none."""

    document: dict[str, Any]
    status: Status
    signal: int


def measure_in_window(
    target: Target,
    open_options: OpenOptions,
    options: WindowOptions,
    measure: MeasureOptions,
    sink: Sink,
    began: Callable[[Recorder], object],
    look: Callable[[], object],
) -> WindowRun:
    """Show ``target`` in a window, and measure from its first picture on.

    ``sink`` gets each record. ``began`` is called when the measurement begins, ``look`` some times a second after
    that. Raises MdevviewError.
    """
    session = open_target(target, options=open_options)
    try:
        application = make_application()
    except BaseException:
        session.close()
        raise
    runs: list[WindowMeasurement] = []

    def start(viewer: Viewer, interrupt: Interrupt) -> None:
        runs.append(WindowMeasurement(viewer, measure, sink, began, look, lambda: interrupt.last))

    show(application, target, session, options, started=start)
    return runs[0].result()


class WindowMeasurement(QObject):
    """Measures a window, and closes it afterwards. A window that is closed earlier ends the measurement."""

    def __init__(
        self,
        viewer: Viewer,
        options: MeasureOptions,
        sink: Sink,
        began: Callable[[Recorder], object],
        look: Callable[[], object],
        signal_number: Callable[[], int],
    ) -> None:
        super().__init__()
        self._viewer, self._options, self._signal_number = viewer, options, signal_number
        self._duration_ns = round(options.duration_s * _SECOND)
        self._sink, self._began, self._look = sink, began, look
        self._recorder: Recorder | None = None
        self._run: WindowRun | None = None
        self._failure: MdevviewError | None = None
        self._opened_ns = time.monotonic_ns()
        self._shown_ns: int | None = None
        viewer.window.closing.connect(self._collect)
        # So that it is known who tells presentation times before the measurement begins.
        viewer.picture.times.want(self._ignore)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timer)
        self._timer.start(_LOOK_MS)

    def result(self) -> WindowRun:
        """After the window was closed. Raises MdevviewError."""
        if self._failure is not None:
            raise self._failure
        if self._run is None and self._recorder is not None:
            raise MdevviewError("the display went away during the measurement", "only the file of --csv was written")
        if self._run is None:
            raise MdevviewError("the window was closed before it showed a picture", "nothing was measured")
        return self._run

    def _ignore(self, _record: FrameRecord) -> None:
        """A sink for the pictures before the measurement."""

    def _on_timer(self) -> None:
        now = time.monotonic_ns()
        if self._recorder is None:
            self._wait_for_picture(now)
            return
        self._look()
        if (
            now - self._viewer.picture.times.start.ns >= self._duration_ns
            or self._viewer.picture.frame.status.state is State.GONE
        ):
            self._viewer.window.close()

    def _wait_for_picture(self, now: int) -> None:
        picture, size = self._viewer.picture, self._options.size
        times = picture.times
        waited_ns = now - self._opened_ns
        if picture.status.state in _SHOWS and picture.path != "":
            self._shown_ns = self._shown_ns or now
        is_ready = self._shown_ns is not None and times.tells_presentation
        if size is not None and not self._fits(size):
            return
        if self._shown_ns is not None and size is not None and picture.drawn_size != size:
            self._viewer.window.resize_picture(*size)
            is_ready = False
        # A desktop that gives another size has the last word, and a still picture may have been shown before.
        if is_ready or (self._shown_ns is not None and now - self._shown_ns > _SECOND):
            times.want(self._sink)
            self._recorder = times.restart()
            self._began(self._recorder)
            QTimer.singleShot(self._duration_ns // 1_000_000 + 1, Qt.TimerType.PreciseTimer, self._on_timer)
        elif picture.status.state is State.GONE:
            self._fail(device_gone(picture.target, picture.status))
        elif self._shown_ns is None and waited_ns >= self._options.timeout_s * _SECOND:
            self._fail(self._no_picture())

    def _no_picture(self) -> NoPicture:
        picture, waited_s = self._viewer.picture, self._options.timeout_s
        if picture.status.state in _SHOWS:
            return NoPicture(
                f"{picture.target}: the window has drawn nothing (waited {waited_s:g} s)",
                "see that the desktop shows it, and that the screen is not locked",
            )
        return no_picture(picture.target, picture.status, waited_s)

    def _fits(self, size: tuple[int, int]) -> bool:
        """Whether the screen has room for a picture of this size. Qt crashes where it draws a frame without limit."""
        window = self._viewer.window
        ratio, screen = window.devicePixelRatio(), window.screen()
        if screen is None:
            return True
        width, height = (round(each * ratio) for each in (screen.size().width(), screen.size().height()))
        if size[0] <= width and size[1] <= height:
            return True
        self._fail(
            UsageError(f"the screen of {width}x{height} has no room for {size[0]}x{size[1]}", "give a smaller --size")
        )
        return False

    def _fail(self, error: MdevviewError) -> None:
        self._failure = error
        self._viewer.window.close()

    def _collect(self) -> None:
        """The window is about to be closed."""
        self._timer.stop()
        picture, recorder = self._viewer.picture, self._recorder
        if recorder is None or self._run is not None:
            return
        recorder.finish()
        options: dict[str, Any] = {"duration_s": self._options.duration_s}
        if self._options.poll_ns is not None:
            options["poll_ms"] = self._options.poll_ns / 1e6
        document = window_document(picture, recorder, self._duration_ns, options)
        self._run = WindowRun(document, picture.frame.status, self._signal_number())
