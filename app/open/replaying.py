"""Opens a recording as a device: ``replay:FILE``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.diagnosis.host_facts import HostFacts
from app.open.recorded_facts import host_facts_of, vgpu_of
from app.open.target import Replay
from app.replay.playback import RecordingClock
from app.replay.recording_file import RecordingFile
from app.replay.replayed_device import ReplayedDevice
from app.text.clean import clean_line
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class OpenedRecording:
    """The device of a recording, the clock that plays it, and what was known of the host."""

    opened: OpenedDevice
    clock: RecordingClock
    host_facts: Callable[[], HostFacts]


def open_recording(target: Replay) -> OpenedRecording:
    """Open the file. Raises BadRecording and other errors of :class:`RecordingFile`."""
    file = RecordingFile(Path(target.file))
    recording = file.recording
    clock = RecordingClock(recording, target.speed, round(target.start_s * _SECOND))
    device = ReplayedDevice(file, clock)
    context = recording.context
    facts = host_facts_of(context.host)
    notes = [each for each in ("without pixels" if context.pixels == "none" else "", recording.damage) if each]
    label = f"replay: {clean_line(Path(target.file).name)}" + (f" ({'; '.join(notes)})" if notes else "")
    opened = OpenedDevice(
        f"replay:{target.file}",
        label,
        device,
        vgpu_of(context.vgpu),
        # A driver whose buffers are fetched once gave no second answer that could be replayed.
        FetchRule.ONCE if context.rule == FetchRule.ONCE.value else FetchRule.FREELY,
        device.ended,
        buffer_info=device.buffer_info,
    )
    return OpenedRecording(opened, clock, lambda: facts)
