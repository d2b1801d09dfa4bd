"""Findings about the connection to QEMU's display, from what the source of a VM's console saw on it."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.picture_keys import PictureKey
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem
from app.planes.status import Reason

_REPORT = "If it stays, report it with these values."
_BLOB = "QEMU 10.0 does so for a virtio-gpu with blob=on"
_REMEDIES = {
    # dbus_scanout_disable() and dbus_filter() in QEMU's ui/dbus-listener.c: the release of the old buffer throws away
    # the message with the new one, if it is not written yet.
    DisplayProblem.BUFFER_LOST: (
        "mdevview asked once more for the current picture. If the picture stays old, reload the window, or change the "
        f"resolution. {_BLOB} and gl=on: start the VM without blob=on, or try a newer QEMU."
    ),
    DisplayProblem.WRONG_FD: (
        f"The picture comes inside the messages instead, which costs more. {_BLOB} and without OpenGL: start the VM "
        "without blob=on, with -display dbus,gl=on, or with a newer QEMU."
    ),
    DisplayProblem.PART_OF_LARGER: (
        "QEMU tells which part from version 10.1 on. With an older one, give each screen of the guest a framebuffer of "
        "its own, or use one screen."
    ),
    DisplayProblem.UNKNOWN_PIXMAN: (
        f"Set a mode with 32 bits a pixel in the guest, or give the VM another display device. {_REPORT}"
    ),
    DisplayProblem.MAP_TOO_SMALL: f"It may pass when the guest sets its next mode. {_REPORT}",
    DisplayProblem.DAMAGE_OUTSIDE: "",
    DisplayProblem.BAD_MESSAGE: _REPORT,
    DisplayProblem.PACED_BY_US: "",
    # The memory of VGA and bochs-display in linear modes is the device's own, which has no fd.
    DisplayProblem.BY_VALUE: (
        "QEMU shares the memory of virtio devices and of text modes, and not that of VGA and bochs-display in a "
        "graphics mode: give the VM -device virtio-vga, or start it with -display dbus,gl=on."
    ),
}
DISPLAY_KEYS = frozenset(each.value for each in DisplayProblem)
"""The keys of these findings. They tell what was seen at some time, and stay although the picture is right again."""

# What the connection tells about a status, more exactly than the status itself.
_CAUSES = {
    Reason.UNKNOWN_FORMAT: DisplayProblem.UNKNOWN_PIXMAN,
    Reason.BUFFER_TRUNCATED: DisplayProblem.MAP_TOO_SMALL,
}


def display_findings(display: DisplayFacts | None) -> Iterator[Finding]:
    """One finding for each problem that was seen; none for a source without a connection to QEMU's display."""
    if display is None:
        return
    for seen in display.problems:
        yield PictureKey[f"DISPLAY_{seen.problem.name}"].finding(_evidence(seen), _REMEDIES[seen.problem])


def explains(display: DisplayFacts | None, reason: Reason) -> bool:
    """Whether a finding of the display already tells why the picture has this status."""
    cause = _CAUSES.get(reason)
    return display is not None and cause is not None and any(each.problem is cause for each in display.problems)


def _evidence(seen: SeenProblem) -> str:
    times = f"{seen.count} times" if seen.count > 1 else ""
    last = f"the last time: {seen.evidence}" if times and seen.evidence else seen.evidence
    return "; ".join(each for each in (times, last) if each)
