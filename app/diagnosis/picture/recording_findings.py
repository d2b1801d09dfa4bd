"""Findings about a recording that is shown in place of a device."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.host_facts import HostFacts
from app.diagnosis.picture.picture_keys import PictureKey

_ALL = "all"


def recording_findings(host: HostFacts) -> Iterator[Finding]:
    """What a recording lacks."""
    recording = host.recording
    if recording is None:
        return
    if recording.damage:
        yield PictureKey.RECORDING_DAMAGED.finding(recording.damage, "Ask for the file again, or record it again.")
    if lacks_pixels(host):
        yield PictureKey.PIXELS_LEFT_OUT.finding(
            f"pixels in the file: {recording.pixels}", "To see them, record without --no-pixels and --pixels-every."
        )


def lacks_pixels(host: HostFacts) -> bool:
    """Whether pixels of the recording were left out on purpose: a picture of one colour then means nothing."""
    return host.recording is not None and host.recording.pixels != _ALL
