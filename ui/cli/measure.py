"""``mdevview measure``: the latency of frames, as percentiles on the screen and in files."""

import argparse
import json
import os
import select
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.attach.helper_fds import HelperMethod
from app.diagnosis.picture_findings import device_gone
from app.errors import MdevviewError
from app.measure.csv_file import CsvFile
from app.measure.metadata import metadata
from app.measure.pacing import pace_of
from app.measure.recorder import Recorder
from app.measure.run_document import RunTimes, run_document
from app.measure.run_text import run_text
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.status import State, Status
from gl.inspection import inspect_document
from ui.cli.output import write_output
from ui.cli.output_file import is_standard_output, open_for_rows, write_file
from ui.cli.stop_signals import StopSignals
from ui.offscreen import OffscreenView, open_offscreen

_SECOND = 1_000_000_000
# The status that a shell reports for a program that SIGINT ended.
_INTERRUPTED = 130


def run(args: argparse.Namespace) -> int:
    """Measure for the wanted time. Raises MdevviewError; the files are written even if the device goes meanwhile."""
    with StopSignals() as signals, open_offscreen(args.target, OpenOptions(HelperMethod(args.helper))) as view:
        return _measure(args, view, signals)


def _measure(args: argparse.Namespace, view: OffscreenView, signals: StopSignals) -> int:
    session = view.session
    first = view.wait(lambda frame: _why_not(view, frame), args.timeout)
    size = args.size or _size(first)
    csv = CsvFile(open_for_rows(args.csv, "--csv")) if args.csv else None
    recorder = Recorder([csv.add] if csv else [], session.true_flip_ns)
    recorder.start(first)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    progress = _Progress(recorder, args.duration)
    began, began_cpu = time.monotonic_ns(), time.process_time_ns()
    end = began + round(args.duration * _SECOND)
    try:
        frame = view.measure(
            size,
            recorder,
            pace_of(args.poll),
            lambda: signals.count > 0 or time.monotonic_ns() >= end,
            lambda fd, ns: _wait((fd, signals.fileno()), min(end, progress.due_ns), ns, progress.show),
        )
        times = RunTimes(time.monotonic_ns() - began, time.process_time_ns() - began_cpu)
        recorder.finish()
    finally:
        progress.clear()
        if csv is not None:
            csv.close()
    picture = inspect_document(session.target, frame, session.describe(), view.renderer)
    meta = metadata(session.vgpu, _options(args, size), started)
    document = run_document(picture, meta, recorder, times, complete=times.duration_ns >= end - began)
    _write(args, document)
    if csv is not None and csv.failed is not None:
        raise MdevviewError(f"{args.csv}: {csv.failed.strerror}", "the rows after this error are missing")
    if frame.status.state is State.GONE:
        raise device_gone(session.target, frame.status)
    return 0 if document["complete"] else _INTERRUPTED


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
