"""``mdevview measure`` without a window: frames, keys, and our own polls beside those of another program."""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from app.attach.helper_fds import HelperMethod
from app.errors import UsageError
from app.measure.loop.pacing import pace_of
from app.measure.record.csv_file import CsvFile
from app.measure.record.metadata import frames_metadata, metadata
from app.measure.record.recorder import Recorder
from app.measure.record.run_document import RunTimes, run_document
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.plane_document import Document
from app.planes.status import State, Status
from gl.inspection import inspect_document
from ui.cli.measure_files import check_rows, csv_file, exit_status, write_document, write_run
from ui.cli.measure_input import InputMeasurement
from ui.cli.measure_observe import FLIP_PACE, Observer, observing, write_observation
from ui.cli.measure_progress import Progress, flips_text
from ui.cli.stop_signals import StopSignals
from ui.fd_wait import FdWait, due_ns
from ui.offscreen import OffscreenView, open_offscreen

_SECOND = 1_000_000_000


def measure_offscreen(args: argparse.Namespace) -> int:
    """Measure for the wanted time, or the wanted number of keys. Raises MdevviewError."""
    options = OpenOptions(HelperMethod(args.helper), qmp=args.qmp, guest_process=True)
    with (
        open_offscreen(args.target, options, args.gpu) as view,
        FdWait() as waiting,
        observing(args) as observer,
    ):
        if args.poll is not None and view.session.source.tells_damage:
            raise UsageError(f"{view.session.target} tells its changes itself and is not polled", "leave --poll out")
        first = view.wait(lambda frame: _why_not(view, frame), args.timeout)
        with csv_file(args) as csv:
            run = _Run(args, view, waiting, first, csv)
            status = run.measure_input() if args.input else run.measure_frames(observer)
    check_rows(args, csv)
    return status


@dataclass(frozen=True, slots=True)
class _Run:
    """``first`` is the frame that is on the screen when the measurement begins.

    A signal ends the measurement, but not the program: that is left to a second one, and to one that comes before or
    after, when the program may wait for the reader of a file.
    """

    args: argparse.Namespace
    view: OffscreenView
    waiting: FdWait
    first: Frame
    csv: CsvFile | None

    def measure_frames(self, observer: Observer | None) -> int:
        """Measure frames for some time; what the observer sees is written instead, if there is one."""
        args = self.args
        recorder = self._recorder(observer.flipped if observer is not None else None)
        progress = Progress(flips_text(recorder, args.duration))
        if observer is not None:
            observer.begin()

        def wait(fd: int, ns: int | None) -> None:
            look_ns = end if observer is None else observer.due_ns
            self.waiting.wait((fd, signals.fileno()), due_ns(ns, end, progress.due_ns, look_ns))
            progress.show()
            if observer is not None:
                observer.look()

        clock = _Clock()
        end = clock.began_ns + round(args.duration * _SECOND)
        with StopSignals(limit=1) as signals, progress:
            frame = self.view.measure(
                self._size,
                recorder,
                FLIP_PACE if observer is not None and args.poll is None else pace_of(args.poll),
                lambda: signals.count > 0 or time.monotonic_ns() >= end,
                wait,
            )
            times = clock.times()
            recorder.finish()
            if observer is not None:
                # The other program goes on while the documents are made.
                observer.finish()
        is_complete = times.duration_ns >= end - clock.began_ns
        document = self._document(frame, recorder, clock, times, {"duration_s": args.duration}, complete=is_complete)
        if observer is None:
            write_run(args, document)
        else:
            if args.own_json:
                write_document(args.own_json, document, "--own-json")
            observed = observer.document(document["meta"], document, times.duration_ns, complete=is_complete)
            write_observation(args, observed, observer)
        return exit_status(document, frame.status, signals.last)

    def measure_input(self) -> int:
        """Send keys and measure what they change."""
        with ExitStack() as owned:
            recorder = self._recorder()
            signals = owned.enter_context(StopSignals(limit=1))
            inputs = InputMeasurement(self.args, self.view, self.first, recorder, lambda: signals.count > 0)
            owned.callback(inputs.close)
            progress = owned.enter_context(Progress(inputs.progress))
            clock = _Clock()

            def wait(fd: int, ns: int | None) -> None:
                self.waiting.wait((fd, signals.fileno()), due_ns(ns, progress.due_ns))
                progress.show()

            frame = inputs.measure(self.view, self._size, wait)
            times = clock.times()
            recorder.finish()
        document = self._document(frame, recorder, clock, times, inputs.options, complete=inputs.complete)
        document |= inputs.document()
        write_run(self.args, document)
        status = exit_status(document, frame.status, signals.last)
        if inputs.failure is not None:
            raise inputs.failure
        return status

    @property
    def _size(self) -> tuple[int, int]:
        primary = self.first.primary
        assert primary is not None
        return self.args.size or (primary.plane.width, primary.plane.height)

    def _recorder(self, flipped: Callable[[int, int], object] | None = None) -> Recorder:
        recorder = Recorder(
            [self.csv.add] if self.csv is not None else [],
            self.view.session.true_flip_ns,
            expects_gpu=True,
            flipped=flipped,
            flips_lost=self.view.session.flips_lost,
            polls=not self.view.session.source.tells_damage,
        )
        recorder.start(self.first)
        return recorder

    def _document(
        self,
        frame: Frame,
        recorder: Recorder,
        clock: "_Clock",
        times: RunTimes,
        options: Document,
        *,
        complete: bool,
    ) -> Document:
        session, (width, height) = self.view.session, self._size
        picture = inspect_document(session.target, frame, session.describe(), self.view.renderer)
        wanted: Document = {"window": False, "draw_width": width, "draw_height": height, **options}
        if self.args.poll is not None:
            wanted["poll_ms"] = self.args.poll / 1e6
        meta = metadata(session.vgpu, wanted, clock.started) | {"presentation": None}
        meta |= frames_metadata(session.display_facts(), polled=not session.source.tells_damage)
        return run_document(picture, meta, recorder, times, complete=complete)


class _Clock:
    """When the measurement began: ``began_ns`` of ``time.monotonic_ns()``, ``started`` as date and time (ISO 8601)."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.began_ns, self._began_cpu_ns = time.monotonic_ns(), time.process_time_ns()

    def times(self) -> RunTimes:
        """What passed since then."""
        return RunTimes(time.monotonic_ns() - self.began_ns, time.process_time_ns() - self._began_cpu_ns)


def _why_not(view: OffscreenView, frame: Frame) -> Status | None:
    """None once there is a picture that can be drawn."""
    if frame.primary is None:
        return frame.status
    if frame.cursor is not None:
        # The trial of its import would be the first thing to be measured.
        view.renderer.outcome(frame.cursor)
    status = view.renderer.outcome(frame.primary).status
    return status if status.state in (State.ERROR, State.WAITING) else None
