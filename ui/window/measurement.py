"""Measures what a window shows for some time, for ``mdevview measure --window``."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtGui import QGuiApplication

from app.diagnosis.picture_findings import no_picture
from app.errors import MdevviewError
from app.host.vgpu import Vgpu
from app.measure.frame_record import FrameRecord
from app.measure.recorder import Recorder, Sink
from app.measure.run_document import RunTimes
from app.open.opening import OpenOptions, open_target
from app.open.target import Target
from app.planes.plane_document import Document
from app.planes.status import State, Status
from ui.window.application import make_application, show
from ui.window.viewer import Viewer, WindowOptions

_LOOK_MS = 20
_SHOWS = (State.SHOWING, State.DEGRADED)
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class WindowRun:
    """What was measured. ``picture`` is what ``inspect`` tells at the end, ``status`` the last status of the device.

    ``options`` are facts of the window that change what is measured. ``presentation`` tells where the presentation
    times come from (None: nothing was drawn), ``presentation_counts`` how the compositor answered.
    """

    picture: Document
    vgpu: Vgpu | None
    status: Status
    recorder: Recorder
    times: RunTimes
    options: dict[str, Any]
    presentation: str | None
    presentation_counts: dict[str, int]


def measure_in_window(
    target: Target,
    open_options: OpenOptions,
    options: WindowOptions,
    duration_s: float,
    timeout_s: float,
    size: tuple[int, int] | None,
    sink: Sink,
    began: Callable[[Recorder], object],
    look: Callable[[], object],
) -> WindowRun:
    """Show ``target`` in a window, and measure from its first picture on.

    ``sink`` gets each record. ``began`` is called when the measurement begins, ``look`` some times a second after
    that. The picture is drawn in ``size`` device pixels, if the desktop allows it. Raises MdevviewError.
    """
    session = open_target(target, options=open_options)
    try:
        application = make_application()
    except BaseException:
        session.close()
        raise
    runs: list[Measurement] = []

    def start(viewer: Viewer) -> None:
        runs.append(Measurement(viewer, duration_s, timeout_s, size, sink, began, look))

    show(application, target, session, options, started=start)
    return runs[0].result()


class Measurement(QObject):
    """Measures a window, and closes it afterwards. A window that is closed earlier ends the measurement."""

    def __init__(
        self,
        viewer: Viewer,
        duration_s: float,
        timeout_s: float,
        size: tuple[int, int] | None,
        sink: Sink,
        began: Callable[[Recorder], object],
        look: Callable[[], object],
    ) -> None:
        super().__init__()
        self._viewer, self._size, self._timeout_s = viewer, size, timeout_s
        self._duration_ns = round(duration_s * _SECOND)
        self._sink, self._began, self._look = sink, began, look
        self._recorder: Recorder | None = None
        self._run: WindowRun | None = None
        self._failure: MdevviewError | None = None
        self._opened_ns = time.monotonic_ns()
        self._begin_ns = self._begin_cpu_ns = 0
        viewer.window.remembers = False
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
        if now - self._begin_ns >= self._duration_ns or self._viewer.picture.frame.status.state is State.GONE:
            self._viewer.window.close()

    def _wait_for_picture(self, now: int) -> None:
        picture = self._viewer.picture
        times = picture.times
        waited_ns = now - self._opened_ns
        is_shown = picture.status.state in _SHOWS and picture.path != ""
        if is_shown and self._size is not None and picture.drawn_size != self._size:
            self._viewer.window.resize_picture(*self._size)
            # A desktop that gives another size has the last word.
            is_shown = waited_ns > _SECOND
        if is_shown and times.presentation_source is not None:
            times.want(self._sink)
            self._recorder = times.restart()
            self._begin_ns, self._begin_cpu_ns = time.monotonic_ns(), time.process_time_ns()
            self._began(self._recorder)
            QTimer.singleShot(self._duration_ns // 1_000_000 + 1, Qt.TimerType.PreciseTimer, self._on_timer)
        elif waited_ns >= self._timeout_s * _SECOND or picture.status.state is State.GONE:
            session = self._viewer.session
            name = session.target if session is not None else self._viewer.window.label
            self._failure = no_picture(name, picture.status, self._timeout_s)
            self._viewer.window.close()

    def _collect(self) -> None:
        """The window is about to be closed."""
        self._timer.stop()
        viewer, recorder, session = self._viewer, self._recorder, self._viewer.session
        if recorder is None or session is None or self._run is not None:
            return
        measured = RunTimes(time.monotonic_ns() - self._begin_ns, time.process_time_ns() - self._begin_cpu_ns)
        recorder.finish()
        picture, times = viewer.picture, viewer.picture.times
        document = picture.inspect(session)
        screen = picture.screen()
        width, height = picture.drawn_size
        self._run = WindowRun(
            document if document is not None else {"target": session.target},
            session.vgpu,
            picture.frame.status,
            recorder,
            measured,
            {
                "window": True,
                "platform": QGuiApplication.platformName(),
                "refresh_hz": round(screen.refreshRate(), 3) if screen is not None else None,
                "draw_width": width,
                "draw_height": height,
            },
            times.presentation_source,
            dict(times.presentation_counts),
        )
