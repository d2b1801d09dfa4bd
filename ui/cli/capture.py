"""``mdevview capture``: records what a device answers and shows."""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from app import __version__
from app.attach.helper_fds import HelperMethod
from app.device.seam import Device
from app.errors import MdevviewError
from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.pacing import Pace, Pacer
from app.open.opening import OpenOptions
from app.open.pushed_device import as_device
from app.open.recorded_facts import host_document, redaction, screen_document, vgpu_document
from app.open.session import Session
from app.open.target import SCHEMES
from app.planes.frame import Frame
from app.planes.status import State, Status
from app.replay.capture_file import CaptureFile
from app.replay.recording_device import RecordingDevice
from app.replay.schema import VERSION, Context, Message
from app.vfio.opened_device import OpenedDevice
from gl.inspection import renderer_document
from ui.cli.capture_pixels import PixelCapture
from ui.cli.measure_files import signalled_status
from ui.cli.output import printable, write_error, write_output
from ui.cli.output_file import is_standard_output, open_for_rows, refuse_terminal
from ui.cli.stop_signals import StopSignals
from ui.fd_wait import FdWait, due_ns
from ui.offscreen import OffscreenView, open_offscreen

_SECOND = 1_000_000_000
# Regions and the EDID change rarely, and to read them costs a few calls of the driver.
_DESCRIBE_NS = 5 * _SECOND
_FAR_NS = 1 << 62


def run(args: argparse.Namespace) -> int:
    """Record until the end. Raises MdevviewError."""
    refuse_terminal(args.output, "-o")
    recorder = _Recorder()
    options = OpenOptions(HelperMethod(args.helper), wrap_device=recorder.wrap)
    with open_offscreen(args.target, options, args.gpu) as opened, _of_device(opened, recorder) as view:
        redact = redaction(view.session.vgpu, view.session.vm, view.session.guest_name)
        context = _context(args, view, recorder.rule, redact)
        # A FIFO waits here for its reader, and a signal ends the program as ever.
        fd = open_for_rows(args.output, "-o")
        # The handlers come before the first byte: who reads it may end the recording at once, and its end is written.
        with _stop_signals(fd) as signals:
            try:
                file = CaptureFile(fd, context)
            except OSError as error:
                raise MdevviewError(
                    f"{args.output}: {error.strerror}", "end other programs, or raise 'ulimit -u'"
                ) from error
            try:
                recorder.write_to(file)
                why, status = _capture(args, view, recorder, file, signals, redact)
                file.finish(why, lambda: signals.count > 0)
            except BaseException:
                file.finish("error", lambda: True)
                raise
    if file.failed is not None:
        if isinstance(file.failed, BrokenPipeError) and is_standard_output(args.output):
            raise file.failed
        raise MdevviewError(f"{args.output}: {file.failed.strerror}", "what was written before can be played")
    _tell(args, file, why, status)
    return signalled_status(signals.last) if why == "signal" and args.duration is not None else 0


def _stop_signals(fd: int) -> StopSignals:
    """Heed the signals. Closes the file if that fails."""
    try:
        return StopSignals(limit=1)
    except OSError:
        os.close(fd)
        raise


@contextmanager
def _of_device(view: OffscreenView, recorder: "_Recorder") -> Iterator[OffscreenView]:
    """The view of a device: a source that is none is recorded as one."""
    if recorder.device is not None:
        yield view
        return
    session = as_device(view.session, recorder.wrap)
    try:
        yield replace(view, session=session)
    finally:
        session.source.release_buffers()
        view.renderer.drop_released()
        session.close()


class _Recorder:
    """Records from the opening on: keeps what comes before there is a file."""

    def __init__(self) -> None:
        self.device: RecordingDevice | None = None
        self.rule = ""
        self._kept: list[tuple[Message, int, int]] = []
        self._file: CaptureFile | None = None

    def wrap(self, opened: OpenedDevice) -> Device:
        self.rule = opened.rule.value
        self.device = RecordingDevice(opened.device, self._record)
        return self.device

    def write_to(self, file: CaptureFile) -> None:
        self._file = file
        for each in self._kept:
            file.record(*each)
        self._kept.clear()

    def _record(self, message: Message, poll_ns: int, ns: int) -> None:
        if self._file is None:
            self._kept.append((message, poll_ns, ns))
        else:
            self._file.record(message, poll_ns, ns)


def _capture(
    args: argparse.Namespace,
    view: OffscreenView,
    recorder: _Recorder,
    file: CaptureFile,
    signals: StopSignals,
    redact: Callable[[str], str],
) -> tuple[str, Status]:
    """Record. Returns why it ended, and the last status."""
    device = recorder.device
    assert device is not None
    session, clock = view.session, time.monotonic_ns
    every = 0 if args.no_pixels else args.pixels_every
    pixels = PixelCapture(view.renderer, file, device, redact, every)

    def changed(frame: Frame) -> None:
        pixels.new_frame(frame)
        loop.drawn(view.renderer.retry_ns)
        loop.shown()

    loop = FrameLoop(
        session.source,
        Pacer(Pace(), clock()),
        changed=changed,
        gone=view.renderer.drop_released,
        probe=pixels.look,
    )
    end = _FAR_NS if args.duration is None else clock() + round(args.duration * _SECOND)
    describe_at = 0
    with FdWait() as waiting:
        while True:
            if clock() >= describe_at and loop.frame.status.state is not State.GONE:
                session.describe()
                session.device_facts()
                describe_at = clock() + _DESCRIBE_NS
            pause = loop.step()
            if pause is None:
                return "gone", loop.frame.status
            if signals.count or file.failed is not None:
                return "signal", loop.frame.status
            if clock() >= end:
                return "duration", loop.frame.status
            waiting.wait((pause.fd, signals.fileno()), due_ns(pause.ns, end, describe_at))


def _context(args: argparse.Namespace, view: OffscreenView, rule: str, redact: Callable[[str], str]) -> Context:
    session = view.session
    pixels = "none" if args.no_pixels else "all" if args.pixels_every == 1 else f"every {args.pixels_every}"
    return Context(
        VERSION,
        f"mdevview {__version__}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        datetime.now(UTC).isoformat(timespec="seconds"),
        scheme if (scheme := session.target.partition(":")[0]) in SCHEMES else "vgpu",
        _label(session),
        rule,
        pixels,
        vgpu_document(session.vgpu),
        host_document(session.host_facts(), redact),
        renderer_document(view.renderer.context),
        screen_document(session.describe()) if session.vgpu is None else None,
    )


def _label(session: Session) -> str:
    """The name of the device. The session's own label may have the names of a VM and of a user."""
    return session.vgpu.name if session.vgpu is not None else "a screen of a VM"


def _tell(args: argparse.Namespace, file: CaptureFile, why: str, status: Status) -> None:
    ended = {"gone": f", as {status.detail or status.reason.key}"}.get(why, "")
    dropped = f"; {file.dropped_pixels} pictures came too fast and are missing" if file.dropped_pixels else ""
    size = f"{file.written / 1e6:.1f} MB" if file.written >= 1e6 else f"{file.written / 1e3:.1f} kB"
    line = printable(f"{args.output}: {size}{ended}{dropped}")
    if is_standard_output(args.output):
        write_error(line)
    else:
        write_output(line)
