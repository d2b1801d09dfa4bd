"""``mdevview measure``: the latency of frames, as percentiles on the screen and in files."""

import argparse
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.attach.helper_fds import HelperMethod
from app.diagnosis.picture_findings import device_gone
from app.errors import MdevviewError, UsageError
from app.measure.csv_file import CsvFile
from app.measure.frame_record import FrameRecord
from app.measure.metadata import metadata
from app.measure.pacing import pace_of
from app.measure.recorder import Recorder
from app.measure.run_document import RunTimes, run_document
from app.measure.run_text import run_text
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.status import State, Status
from gl.inspection import inspect_document
from ui.cli.measure_observe import FLIP_PACE, Observer, observes_alone, observing, run_alone, write_observation
from ui.cli.output import write_output
from ui.cli.output_file import is_standard_output, open_for_rows, write_file
from ui.cli.stop_signals import StopSignals
from ui.offscreen import OffscreenView, open_offscreen

_SECOND = 1_000_000_000
# The status that a shell reports for a program that a signal ended is the number of the signal and this.
_SIGNALLED = 128


def run(args: argparse.Namespace) -> int:
    """Measure for the wanted time. Raises MdevviewError; the files are written even if the device goes meanwhile."""
    if [is_standard_output(each) for each in (args.json, args.csv, args.own_json)].count(True) > 1:
        raise UsageError(
            "--json -, --csv - or --own-json -: standard output takes one of them", "give a FILE to the others"
        )
    if args.own_json and args.observe is None:
        raise UsageError("--own-json needs --observe", "without it --json writes the figures of our own polls")
    if args.window and args.observe is not None:
        raise UsageError("--window does not go with --observe", "give one of them")
    if args.window:
        return _measure_in_window(args)
    if observes_alone(args):
        return run_alone(args)
    options = OpenOptions(HelperMethod(args.helper), guest_process=True)
    with StopSignals() as signals, open_offscreen(args.target, options) as view, observing(args) as observer:
        return _measure(args, view, signals, observer)


def _measure(args: argparse.Namespace, view: OffscreenView, signals: StopSignals, observer: Observer | None) -> int:
    session = view.session
    first = view.wait(lambda frame: _why_not(view, frame), args.timeout)
    size = args.size or _size(first)
    csv = CsvFile(open_for_rows(args.csv, "--csv")) if args.csv else None
    flipped = observer.flipped if observer is not None else None
    recorder = Recorder([csv.add] if csv else [], session.true_flip_ns, expects_gpu=True, flipped=flipped)
    recorder.start(first)
    if observer is not None:
        observer.begin()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    progress = _Progress(recorder, args.duration)

    def due() -> None:
        progress.show()
        if observer is not None:
            observer.look()

    began, began_cpu = time.monotonic_ns(), time.process_time_ns()
    end = began + round(args.duration * _SECOND)
    try:
        frame = view.measure(
            size,
            recorder,
            FLIP_PACE if observer is not None and args.poll is None else pace_of(args.poll),
            lambda: signals.count > 0 or time.monotonic_ns() >= end,
            lambda fd, ns: _wait((fd, signals.fileno()), min(end, progress.due_ns), ns, due),
        )
        times = RunTimes(time.monotonic_ns() - began, time.process_time_ns() - began_cpu)
        recorder.finish()
    finally:
        progress.clear()
        if csv is not None:
            csv.close()
    picture = inspect_document(session.target, frame, session.describe(), view.renderer)
    meta = metadata(session.vgpu, _options(args, size), started) | {"presentation": None}
    document = run_document(picture, meta, recorder, times, complete=times.duration_ns >= end - began)
    if observer is not None:
        observer.finish()
        observed = observer.document(meta, picture, times.duration_ns, complete=bool(document["complete"]))
        if args.own_json:
            write_file(args.own_json, (json.dumps(document, indent=1) + "\n").encode(), "--own-json")
        write_observation(args, observed, observer)
    return _finish(args, document, csv, frame.status, signals.last, writes=observer is None)


def _finish(
    args: argparse.Namespace,
    document: dict[str, Any],
    csv: CsvFile | None,
    status: Status,
    signal_number: int,
    *,
    writes: bool = True,
) -> int:
    """Write the document; the exit status, for a run that is not complete that of a program that a signal ended.

    ``status`` is the last one of the device. Raises MdevviewError where the run or a file is not what was wanted.
    """
    if writes:
        _write(args, document)
    if csv is not None and csv.failed is not None:
        raise MdevviewError(f"{args.csv}: {csv.failed.strerror}", "the rows after this error are missing")
    if status.state is State.GONE:
        raise device_gone(document["target"], status)
    return 0 if document["complete"] else _SIGNALLED + signal_number


def _measure_in_window(args: argparse.Namespace) -> int:
    from ui.window.measurement import MeasureOptions, measure_in_window  # noqa: PLC0415
    from ui.window.options import ViewOptions  # noqa: PLC0415
    from ui.window.viewer import WindowOptions  # noqa: PLC0415

    csv = CsvFile(open_for_rows(args.csv, "--csv")) if args.csv else None
    helper = HelperMethod(args.helper)
    progress: list[_Progress] = []
    try:
        run = measure_in_window(
            args.target,
            OpenOptions(helper, guest_process=True),
            WindowOptions(ViewOptions(), helper=helper),
            MeasureOptions(args.duration, args.timeout, args.size),
            csv.add if csv is not None else _ignore,
            lambda recorder: progress.append(_Progress(recorder, args.duration)),
            lambda: progress[-1].show(),  # noqa: PLW0108  (there is none yet)
        )
    finally:
        for each in progress:
            each.clear()
        if csv is not None:
            csv.close()
    # The window was closed, by its user or by a signal.
    return _finish(args, run.document, csv, run.status, signal.SIGINT)


def _ignore(_record: FrameRecord) -> None:
    """For a run without a file of rows."""


def _why_not(view: OffscreenView, frame: Frame) -> Status | None:
    """None once there is a picture that can be drawn."""
    if frame.primary is None:
        return frame.status
    status = view.renderer.outcome(frame.primary).status
    return status if status.state in (State.ERROR, State.WAITING) else None


def _size(frame: Frame) -> tuple[int, int]:
    assert frame.primary is not None
    return frame.primary.plane.width, frame.primary.plane.height


def _options(args: argparse.Namespace, size: tuple[int, int]) -> dict[str, object]:
    return {"window": False, "draw_width": size[0], "draw_height": size[1], "duration_s": args.duration} | (
        {"poll_ms": args.poll / 1e6} if args.poll else {}
    )


def _write(args: argparse.Namespace, document: dict[str, object]) -> None:
    """The document to its file, and the table to standard output unless a file is there."""
    if args.json:
        write_file(args.json, (json.dumps(document, indent=1) + "\n").encode(), "--json")
    if not (is_standard_output(args.json) or is_standard_output(args.csv)):
        write_output(run_text(document))


def _wait(fds: tuple[int, ...], until_ns: int, ns: int | None, due: Callable[[], None]) -> None:
    """Wait for one of the fds, at most ``ns`` nanoseconds, and call ``due`` at ``until_ns``."""
    ready = select.poll()
    for fd in fds:
        if fd >= 0:
            ready.register(fd, select.POLLIN)
    left = max(0, until_ns - time.monotonic_ns())
    ready.poll((left if ns is None else min(ns, left)) / 1e6)
    due()


class _Progress:
    """A line on the terminal that tells each second how far the run is. Nothing where standard error is a file."""

    def __init__(self, recorder: Recorder, duration_s: float) -> None:
        self._recorder = recorder
        self._duration_s = duration_s
        self._began = time.monotonic_ns()
        self._shows = sys.stderr.isatty()
        self.due_ns = self._began + _SECOND

    def show(self) -> None:
        now = time.monotonic_ns()
        if now < self.due_ns:
            return
        self.due_ns += _SECOND
        if not self._shows:
            return
        stage, counters = self._recorder.stages["flip_to_submit"], self._recorder.counters
        median, tail = stage.percentile_ns(50), stage.percentile_ns(99)
        latency = "" if median is None or tail is None else f", median {median / 1e6:.2f} ms, p99 {tail / 1e6:.2f} ms"
        seconds = (now - self._began) // _SECOND
        self._print(f"{seconds} of {self._duration_s:g} s: {counters.flips_seen} flips{latency}")

    def clear(self) -> None:
        if self._shows:
            self._print("")

    @staticmethod
    def _print(text: str) -> None:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        sys.stderr.write("\r" + text[: width - 1] + "\x1b[K")
        sys.stderr.flush()
