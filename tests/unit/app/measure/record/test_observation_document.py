"""The document of an observed program: its own figures, and nothing that is true only of us."""

from app.host.observed_process import ObservedProcess
from app.measure.record.observation import Observation
from app.measure.record.observation_document import observation_document, observation_text
from app.tracing.ioctl_events import IoctlStart

MS = 1_000_000
QEMU = ObservedProcess(326, "qemu-system-x86", "/usr/bin/qemu-system-x86_64")


def _observe(*fds: int) -> Observation:
    observation = Observation(lambda fd: True)
    observation.add([IoctlStart(16 * MS * n + fd, 326, fd, 0x3B72) for n in range(2) for fd in fds])
    observation.flipped(17 * MS, 18 * MS)
    observation.add([IoctlStart(32 * MS + fd, 326, fd, 0x3B72) for fd in fds])
    return observation


def test_our_own_figures_are_not_the_programs() -> None:
    ours = {"target": "pid:326", "planes": {}, "cpu_percent": 90.0, "frames_shown": 5, "renderer": {}, "polls": 9}
    meta = {"kernel": "6.12", "renderer": "llvmpipe", "path": "egl-image"}
    document = observation_document(QEMU, _observe(14), meta, ours, 10**9, complete=True)
    assert document["target"] == "pid:326"
    assert document.keys().isdisjoint({"cpu_percent", "frames_shown", "renderer"})
    assert document["meta"] == {
        "kernel": "6.12",
        "observed": {"pid": 326, "name": "qemu-system-x86", "program": "/usr/bin/qemu-system-x86_64", "fd": 14},
    }
    assert (document["polls"], document["flips_seen"], document["devices"]) == (3, 1, [])
    assert document["stages"]["flip_to_poll"]["count"] == 1
    text = observation_text(document)
    assert "qemu-system-x86 326" in text and "flip to poll" in text


def test_flips_of_one_device_are_not_counted_for_another() -> None:
    """Only who names the device knows which one it is."""
    unnamed = observation_document(QEMU, _observe(14, 15), {}, {}, 10**9, complete=True)
    assert all("flip_to_poll" not in each["stages"] for each in (unnamed, *unnamed["devices"]))
    assert "name one with pid:N,fd=M" in observation_text(unnamed)
    named = observation_document(QEMU, _observe(14, 15), {}, {}, 10**9, complete=True, fd=15)
    assert named["stages"]["flip_to_poll"]["count"] == 1
    assert [(each["fd"], "flip_to_poll" in each["stages"]) for each in named["devices"]] == [(14, False), (15, True)]


def test_a_program_that_never_polled_has_a_document() -> None:
    document = observation_document(QEMU, Observation(lambda fd: True), {}, {}, 10**9, complete=True)
    assert (document["stages"], document["polls"], document["meta"]["observed"]["fd"]) == ({}, 0, None)
    assert "polls: 0" in observation_text(document)
