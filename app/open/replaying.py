"""Opens a recording as a device: ``replay:FILE``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.diagnosis.picture.host_facts import HostFacts, RecordingFacts
from app.open.no_resolution import NoResolution
from app.open.recorded_facts import host_facts_of, vgpu_of
from app.open.target import Replay
from app.planes.plane_document import Document
from app.replay.playback import RecordingClock
from app.replay.recording_file import RecordingFile
from app.replay.replayed_device import ReplayedDevice
from app.text.clean import clean_line
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice

_SECOND = 1_000_000_000
_RULES = {each.value: each for each in FetchRule}


_RESOLUTION = NoResolution("a recording has the resolution that it was recorded with")


@dataclass(frozen=True, slots=True)
class OpenedRecording:
    """The device of a recording, the clock that plays it, what was known of the host, and of a screen of no vGPU."""

    opened: OpenedDevice
    resolution: NoResolution
    clock: RecordingClock
    host_facts: Callable[[], HostFacts]
    screen: Document | None


def open_recording(target: Replay) -> OpenedRecording:
    """Open the file. Raises BadRecording and other errors of :class:`RecordingFile`."""
    file = RecordingFile(Path(target.file))
    recording = file.recording
    clock = RecordingClock(recording, target.speed, round(target.start_s * _SECOND))
    device = ReplayedDevice(file, clock)
    context = recording.context
    facts = replace(host_facts_of(context.host), recording=RecordingFacts(recording.damage, context.pixels))
    notes = [each for each in ("without pixels" if context.pixels == "none" else "", recording.damage) if each]
    label = f"replay: {clean_line(Path(target.file).name)}" + (f" ({'; '.join(notes)})" if notes else "")
    opened = OpenedDevice(
        f"replay:{target.file}",
        label,
        device,
        vgpu_of(context.vgpu),
        # As at the capture: of a buffer that was fetched once, or never, no other answer is known.
        _RULES.get(context.rule, FetchRule.FREELY),
        device.ended,
        buffer_info=device.buffer_info,
    )
    return OpenedRecording(opened, _RESOLUTION, clock, lambda: facts, context.screen)
