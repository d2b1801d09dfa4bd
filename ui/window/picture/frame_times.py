"""Measures the pictures of a window as long as somebody wants their records: the overlay, the panel, a command.

Without that, a picture costs one look whether anybody wants it. With it, a picture costs a record, a timer query, and
a request for its presentation time.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from PyQt6.QtGui import QWindow

from app.measure.record.recorder import Recorder, Sink
from app.open.session import Session
from app.planes.frame import Frame
from gl.context import Context
from gl.gpu_timer import GpuTimer
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.wayland.wayland_presentation import WaylandPresentation, wayland_presentation


class PresentationSource(StrEnum):
    """Who tells when a picture was on the screen."""

    WP_PRESENTATION = "wp_presentation"
    """The Wayland compositor, by its protocol presentation-time."""
    FRAME_SWAPPED = "frame_swapped"
    """Nobody: the time is when the window system took the picture, by Qt's signal frameSwapped."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a recorder began to count: by the monotonic clock, by this process's processor time, and as ISO 8601."""

    ns: int
    cpu_ns: int
    date: str

    @classmethod
    def now(cls) -> "Start":
        date = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(time.monotonic_ns(), time.process_time_ns(), date)


class _WithoutPolls:
    """A loop's observer without the polls: there are a thousand a second, and the overlay does not need them."""

    def __init__(self, recorder: Recorder) -> None:
        self.found = recorder.found
        self.pixels_changed = recorder.pixels_changed

    def polled(self, start_ns: int, end_ns: int) -> None:
        pass


class FrameTimes:
    """Owns the recorder, the timer queries and the presentation requests of one window.

    ``session`` is that of the frames, None while there is none; it may be set at any time.
    """

    def __init__(self, window: QWindow) -> None:
        self._window = window
        self._loop: QtFrameLoop | None = None
        self._sinks: list[Sink] = []
        # Those for which polls are counted and the GPU is timed, too.
        self._poll_sinks: list[Sink] = []
        self._timer: GpuTimer | None = None
        # The recorder that the timer's results are for.
        self._timed: Recorder | None = None
        self._presentation: WaylandPresentation | None = None
        self._began_ns = 0
        # The picture that is drawn but not swapped; 0 for none, or where the compositor tells its time.
        self._unswapped = 0
        self.recorder: Recorder | None = None
        self.start = Start.now()
        """When the recorder began to count."""
        self.session: Session | None = None

    @property
    def presentation_source(self) -> PresentationSource | None:
        """Who tells presentation times now; None while nobody wants records, or it is not known yet."""
        if self.recorder is None:
            return None
        usable = self._presentation.usable if self._presentation is not None else False
        if usable is None:
            return None
        return PresentationSource.WP_PRESENTATION if usable else PresentationSource.FRAME_SWAPPED

    @property
    def tells_presentation(self) -> bool:
        """Whether the presentation time of a picture was told, so that those of the next ones are expected."""
        source = self.presentation_source
        return source is PresentationSource.FRAME_SWAPPED or self.presentation_counts["presented"] > 0

    @property
    def presentation_counts(self) -> Counter[str]:
        """The compositor's answers, see :class:`ui.window.wayland.wayland_presentation.WaylandPresentation`."""
        return self._presentation.counts if self._presentation is not None else Counter()

    @property
    def presentation_clock(self) -> str | None:
        """The clock that the compositor tells times of, which are converted to CLOCK_MONOTONIC."""
        return self._presentation.clock if self._presentation is not None else None

    def watch(self, loop: QtFrameLoop) -> None:
        """The window shows the frames of this loop from now on."""
        if self._loop is not None:
            self._loop.observe(None)
        self._loop = loop
        self._observe()

    def want(self, sink: Sink, *, polls: bool = True) -> None:
        """Call ``sink`` with the record of each picture from now on.

        ``polls``: count the polls and time the GPU too, for a document. The recorder then begins again if it did not.
        """
        self._sinks.append(sink)
        if polls:
            self._poll_sinks.append(sink)
        if self.recorder is None:
            self._presentation = wayland_presentation()
            self._start()
        elif self._poll_sinks == [sink]:
            self.restart()

    def restart(self) -> Recorder:
        """Begin to count again. The sinks get the records of pictures that are drawn from now on, and no others."""
        old, self._sinks = self._sinks, list(self._sinks)
        # The old recorder may still be told of its last pictures.
        old.clear()
        return self._start()

    def _start(self) -> Recorder:
        session = self.session
        recorder = Recorder(
            self._sinks,
            self._true_flip,
            expects_gpu=True,
            expects_present=True,
            flips_lost=session.flips_lost if session is not None else None,
            polls=session is None or not session.source.tells_damage,
        )
        self.recorder, self.start = recorder, Start.now()
        if self._loop is not None:
            recorder.start(self._loop.frame)
        self._observe()
        return recorder

    def _observe(self) -> None:
        """Tell the loop who wants to be told what it does."""
        if self._loop is None:
            return
        if self.recorder is None or self._poll_sinks:
            self._loop.observe(self.recorder)
        else:
            self._loop.observe(_WithoutPolls(self.recorder))

    def drop(self, sink: Sink) -> None:
        """Call ``sink`` no more, and stop measuring if nobody else wants records. Unknown sinks are ignored."""
        if sink not in self._sinks:
            return
        self._sinks.remove(sink)
        if sink in self._poll_sinks:
            self._poll_sinks.remove(sink)
        if self._sinks:
            self._observe()
        else:
            self._stop()

    def begin(self, context: Context) -> None:
        """A picture is drawn from now on, with this context, which is current."""
        if self._timed is not self.recorder:
            self.release()
        if self.recorder is None:
            return
        if self._timed is not self.recorder:
            self._timed = self.recorder
            # The overlay shows no time of the GPU.
            self._timer = GpuTimer(context, self.recorder.gpu_time) if self._poll_sinks else None
            if self._timer is None or not self._timer.available:
                self.recorder.expect_no_gpu_times()
        if self._timer is not None:
            self._timer.collect()
            self._timer.begin()
        self._began_ns = time.monotonic_ns()

    def drawn(self, frame: Frame, import_ns: int | None) -> None:
        """The picture that was begun is submitted by the next swap."""
        recorder = self.recorder
        if recorder is None or self._timed is not recorder:
            return
        if self._timer is not None:
            self._timer.end()
        number = recorder.drawn(frame, self._began_ns, time.monotonic_ns(), import_ns).number
        if self._timer is not None:
            self._timer.assign(number)
        presentation = self._presentation
        if presentation is None or presentation.usable is False:
            self._unswapped = number
        elif not presentation.request(int(self._window.winId()), number, recorder.presented):
            recorder.presented(number, None)

    def failed(self) -> None:
        """The picture that was begun could not be drawn."""
        if self._timer is not None:
            self._timer.end()

    def swapped(self) -> None:
        """The window system has taken the picture that was drawn last."""
        number, self._unswapped = self._unswapped, 0
        if number and self.recorder is not None:
            self.recorder.presented(number, time.monotonic_ns())

    def release(self) -> None:
        """Delete the timer queries, with their context current; more calls do nothing."""
        timer, self._timer = self._timer, None
        self._timed = None
        if timer is not None:
            timer.release()

    def close(self) -> None:
        """Stop measuring, whoever wants records; more calls do nothing. After :meth:`release`."""
        self._sinks.clear()
        self._poll_sinks.clear()
        self._stop()

    def _stop(self) -> None:
        """The timer queries are deleted with the next picture, because their context is not current now."""
        self.recorder = None
        self._observe()
        presentation, self._presentation = self._presentation, None
        if presentation is not None:
            presentation.close()

    def _true_flip(self, frame: Frame) -> int | None:
        true_flip_ns = self.session.true_flip_ns if self.session is not None else None
        return true_flip_ns(frame) if true_flip_ns is not None else None
