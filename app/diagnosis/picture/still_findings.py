"""Findings about a picture that is shown, but looks as if something were wrong."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.host_facts import RunState
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.diagnosis.picture.picture_keys import PictureKey
from app.diagnosis.picture.recording_findings import lacks_pixels
from app.planes.outcome import BridgeRoute, HandOverForm, PixelPath

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
    if primary.bridge is not None:
        yield _bridge(facts, primary, primary.bridge)


def _unchanged(facts: PictureFacts, unchanged_s: float) -> Finding:
    vm = facts.host.vm
    evidence = f"unchanged for {unchanged_s:.0f} s"
    if vm is None or vm.state is None:
        return PictureKey.PICTURE_UNCHANGED.finding(
            f"{evidence}; whether the VM runs is not known", "Press a key in the guest, or move its pointer."
        )
    assert vm.state is RunState.RUNNING
    if facts.display is not None:
        # QEMU shows a picture of its own on a screen that the guest does not use.
        return PictureKey.PICTURE_UNCHANGED.finding(
            f"{evidence}; {vm.state_evidence or 'the VM runs'}",
            "Press a key in the guest, and look at its other screens: if nothing changes, the guest hangs.",
            "The picture does not change, but the VM runs: the guest shows a still picture, does not use this screen, "
            "or hangs.",
        )
    return PictureKey.PICTURE_UNCHANGED.finding(
        f"{evidence}; {vm.state_evidence or 'the VM runs'}",
        "Press a key in the guest: if nothing changes, the guest hangs.",
        "The picture does not change, but the VM runs: the guest shows a still picture, or hangs.",
    )


def _bridge(facts: PictureFacts, primary: PlaneFacts, route: BridgeRoute) -> Finding:
    """Both GPUs, and what the way between them costs."""
    renderer, plane = facts.renderer, primary.plane
    drawing = f"{renderer.name}, {renderer.render_node or 'no render node'}" if renderer is not None else "unknown"
    size = f"{plane.width}x{plane.height}, " if plane is not None else ""
    if route.form is HandOverForm.DMABUF:
        cost = "one more draw for each frame; the CPU copies nothing"
    else:
        cost = "each frame is read back and uploaded by the CPU" + (f", because {route.reason}" if route.reason else "")
    return PictureKey.BRIDGE.finding(
        f"exporting: {route.gpu}, {route.node or 'no render node'}; drawing: {drawing}; "
        f"handed over as {route.form.value}: {size}{cost}",
        "mdevview bench --case cached copy bridge: what it costs on this host.",
    )


def _region(primary: PlaneFacts) -> str:
    plane = primary.plane
    return f"region {plane.handle}, {plane.stride * plane.height} bytes a frame" if plane is not None else ""
