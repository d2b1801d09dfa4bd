"""Recordings of simulated devices, made without a window or OpenGL, on a clock of their own."""

import os
from pathlib import Path

from app.errors import error_text
from app.planes.frame import Frame
from app.planes.plane import Backing
from app.planes.status import State
from app.replay.capture_file import CaptureFile
from app.replay.recording_device import RecordingDevice
from app.replay.schema import VERSION, Context, Pixels
from app.replay.schema import State as RecordedState
from app.sim.profile import open_simulated
from app.vfio.device_document import describe_device
from app.vfio.poller import Poller

MS = 1_000_000
START = 1_000_000_000


def context(**changes: object) -> Context:
    """A context of the version that this program writes."""
    values = {
        "version": VERSION,
        "program": "mdevview test",
        "kernel": "Linux",
        "started": "2026-01-01T00:00:00+00:00",
        "kind": "sim",
        "label": "sim",
        "rule": "freely",
        "pixels": "all",
    }
    return Context(**(values | changes))  # type: ignore[arg-type]  # the test chooses them


def record(path: Path, spec: str, duration_ms: int, step_ms: int = 10) -> None:
    """Record the simulated device at each step: its answers, and the contents of the buffers that are shown."""
    now = START
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    file = CaptureFile(fd, context(), clock=lambda: now, wall_clock=lambda: now)
    device = RecordingDevice(open_simulated(spec, lambda: now), file.record, clock=lambda: now)
    poller = Poller(device, clock=lambda: now)
    try:
        describe_device(device, None, None)
        for _ in range(duration_ms // step_ms):
            frame = poller.latest()
            _record_frame(file, frame, now)
            if frame.status.state is State.GONE:
                break
            now += step_ms * MS
    finally:
        poller.close()
        file.finish("duration")
    assert file.failed is None


def _record_frame(file: CaptureFile, frame: Frame, now: int) -> None:
    file.record(RecordedState(frame.status.reason.key, frame.status.detail), now, now)
    buffers = [(each.plane, each.buffer) for each in (frame.primary, frame.cursor, *frame.rejected) if each is not None]
    for plane, buffer in buffers:
        if buffer is None:
            continue
        region = plane.handle if plane.backing is Backing.REGION else None
        place = (plane.fourcc, plane.modifier, plane.width, plane.height, plane.stride, buffer.inode, region)
        try:
            with buffer.mapping() as memory:
                file.pixels(Pixels("cpu", *place), bytes(memory), now, now)
        except OSError as error:
            file.pixels(Pixels("unreadable", *place, why=error_text(error)), None, now, now)
