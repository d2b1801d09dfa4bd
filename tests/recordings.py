"""Recordings of simulated devices, made without a window or OpenGL, on a clock of their own."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import error_text
from app.planes.buffer import Buffer
from app.planes.frame import Frame
from app.planes.plane import Backing, Plane
from app.planes.plane_document import Document
from app.planes.status import Reason, State, Status
from app.replay.capture_file import CaptureFile
from app.replay.playback import RecordingClock
from app.replay.recording_device import RecordingDevice
from app.replay.recording_file import RecordingFile
from app.replay.replayed_device import ReplayedDevice
from app.replay.schema import VERSION, Context, Pixels
from app.replay.schema import State as RecordedState
from app.sim.profile import open_simulated
from app.vfio.buffer_cache import FetchRule
from app.vfio.device_document import describe_device
from app.vfio.fetch_rule import rule_of
from app.vfio.poller import Poller

MS = 1_000_000
START = 1_000_000_000

BufferSeen = tuple[Plane, int, int | None, bytes | str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a poll saw: the status of picture and cursor; of each buffer plane, size, inode, and its bytes or no bytes.

    In place of the bytes that are not there it has the error.
    """

    status: Status
    buffers: tuple[BufferSeen, ...]
    cursor_status: Status


def context(**changes: object) -> Context:
    """A context of the version that this program writes."""
    values: dict[str, object] = {
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


def record(path: Path, spec: str, duration_ms: int, step_ms: int = 10) -> tuple[list[Seen], Document]:
    """Record the simulated device at each step. Returns what each poll saw, and the description of the device."""
    now = START
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    simulated = open_simulated(spec, lambda: now)
    rule = rule_of(simulated.vgpu)
    file = CaptureFile(fd, context(rule=rule.value), clock=lambda: now, wall_clock=lambda: now)
    device = RecordingDevice(simulated, file.record, clock=lambda: now)
    ended = _ended(simulated.present)
    poller = Poller(device, rule, ended, clock=lambda: now)
    polls: list[Seen] = []
    try:
        description = describe_device(device, None, None)
        for _ in range(duration_ms // step_ms):
            frame = poller.latest()
            polls.append(seen(frame))
            _record_frame(file, frame, polls[-1], now)
            if frame.status.state is State.GONE:
                break
            now += step_ms * MS
    finally:
        poller.close()
        file.finish("duration")
    assert file.failed is None
    described: Document = json.loads(json.dumps(description).replace(" (simulated)", ""))
    return polls, described


def replay(path: Path, polls: int, step_ms: int = 10) -> tuple[list[Seen], Document]:
    """Play a recording at the steps of :func:`record`. Returns the same."""
    now = START
    file = RecordingFile(path)
    clock = RecordingClock(file.recording, clock=lambda: now)
    device = ReplayedDevice(file, clock)
    rule = FetchRule(file.recording.context.rule)
    poller = Poller(device, rule, device.ended, clock=lambda: now, buffer_info=device.buffer_info)
    result: list[Seen] = []
    try:
        description = describe_device(device, None, None)
        for _ in range(polls):
            result.append(seen(poller.latest()))
            now += step_ms * MS
    finally:
        poller.close()
    return result, json.loads(json.dumps(description))


def seen(frame: Frame) -> Seen:
    pairs = ((each.plane, each.buffer) for each in (frame.primary, frame.cursor, *frame.rejected) if each is not None)
    buffers = tuple((plane, buffer.size, buffer.inode, _bytes(buffer)) for plane, buffer in pairs if buffer)
    return Seen(_without_words(frame.status), buffers, _without_words(frame.cursor_status))


def _without_words(status: Status) -> Status:
    """A replayed error has the kernel's words, and only the number of the simulated one."""
    return Status(status.reason, status.detail.partition(":")[0], status.errno)


def _bytes(buffer: Buffer) -> bytes | str:
    try:
        with buffer.mapping() as memory:
            return bytes(memory)
    except OSError as error:
        return error_text(error)


def _ended(present: Callable[[], bool]) -> Callable[[], Status | None]:
    return lambda: None if present() else Status(Reason.DEVICE_REMOVED)


def _record_frame(file: CaptureFile, frame: Frame, poll: Seen, now: int) -> None:
    file.record(RecordedState(frame.status.reason.key, frame.status.detail), now, now)
    for plane, _, inode, contents in poll.buffers:
        region = plane.handle if plane.backing is Backing.REGION else None
        place = (plane.fourcc, plane.modifier, plane.width, plane.height, plane.stride, inode, region)
        if isinstance(contents, bytes):
            file.pixels(Pixels("cpu", *place), contents, now, now)
        else:
            file.pixels(Pixels("unreadable", *place, why=contents), None, now, now)
