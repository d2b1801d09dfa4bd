"""Findings about a picture that is shown, but looks as if something were wrong."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.host_facts import RunState
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.diagnosis.picture.picture_keys import PictureKey
from app.diagnosis.picture.recording_findings import lacks_pixels
from app.planes.outcome import PixelPath

UNCHANGED_S = 10.0
"""A picture that did not change for so many seconds has a finding."""


def still_findings(facts: PictureFacts, primary: PlaneFacts) -> Iterator[Finding]:
    """Findings about the plane of a picture. The VM, if its state is known, runs."""
    if primary.one_colour is not None and not lacks_pixels(facts.host):
        red, green, blue, _ = primary.one_colour
        yield PictureKey.ONE_COLOUR.finding(
            f"#{red:02x}{green:02x}{blue:02x} in every pixel",
            "Wake the guest (move its pointer, press a key), and look whether it shows its desktop on another display.",
        )
    unchanged_s = facts.history.unchanged_s
    if unchanged_s is not None and unchanged_s >= UNCHANGED_S:
        yield _unchanged(facts, unchanged_s)
    if primary.path is PixelPath.REGION:
        yield PictureKey.REGION_ONLY.finding(_region(primary))


def _unchanged(facts: PictureFacts, unchanged_s: float) -> Finding:
    vm = facts.host.vm
    evidence = f"unchanged for {unchanged_s:.0f} s"
    if vm is None or vm.state is None:
        return PictureKey.PICTURE_UNCHANGED.finding(
            f"{evidence}; whether the VM runs is not known", "Press a key in the guest, or move its pointer."
        )
    assert vm.state is RunState.RUNNING
    return PictureKey.PICTURE_UNCHANGED.finding(
        f"{evidence}; {vm.state_evidence or 'the VM runs'}",
        "Press a key in the guest: if nothing changes, the guest hangs.",
        "The picture does not change, but the VM runs: the guest shows a still picture, or hangs.",
    )


def _region(primary: PlaneFacts) -> str:
    plane = primary.plane
    return f"region {plane.handle}, {plane.stride * plane.height} bytes a frame" if plane is not None else ""
