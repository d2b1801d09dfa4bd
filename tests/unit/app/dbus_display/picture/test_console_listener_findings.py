"""Each finding about a connection to QEMU's display, brought about by the messages that lead to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.dbus_display.picture.console_listener import ConsoleListener
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.planes.plane import PlaneKind
from tests.unit.app.dbus_display.picture.calls import XR24, call, memfd

XR24_FOURCC = 0x34325258
SIZE = (4, 4, 16, XR24)
PIXELS = bytes(64)


def _map(pixman: int = XR24, content: bytes = PIXELS, *, fd: int | None = None) -> list[object]:
    return ["ScanoutMap", memfd(content) if fd is None else fd, 0, 4, 4, 16, pixman]


@contextmanager
def _listener() -> Iterator[ConsoleListener]:
    listener = ConsoleListener(lambda: None, lambda: True)
    try:
        yield listener
    finally:
        for each in listener.close():
            each.release()


def _findings(*calls: list[object]) -> list[str]:
    """The keys of the findings after these messages."""
    with _listener() as listener:
        for number, (member, *body) in enumerate(calls, 1):
            listener.handle(call(str(member), *body, serial=number), number)
            frame, retired = listener.frame()
            for each in retired:
                each.release()
        facts = PictureFacts(
            "vm:one",
            frame.status,
            (PlaneFacts(PlaneKind.PRIMARY, frame.status),),
            display=listener.display_facts(),
        )
        return [each.key for each in diagnose(facts) if each.key.startswith("display-")]


def test_pixels_inside_the_messages() -> None:
    assert _findings(["Scanout", *SIZE, PIXELS]) == ["display-by-value"]


def test_a_file_in_place_of_the_memory() -> None:
    fd = os.open("/etc/hostname", os.O_RDONLY)
    assert _findings(_map(fd=fd)) == ["display-wrong-fd"]


def test_memory_that_is_too_small() -> None:
    assert _findings(_map(content=bytes(63))) == ["display-map-too-small"]


def test_an_unknown_format() -> None:
    assert "display-unknown-format" in _findings(_map(0x2002_0889))
    assert "display-unknown-format" in _findings(["Scanout", 4, 4, 16, 0x2002_0889, PIXELS])


def test_changes_outside_the_picture() -> None:
    assert _findings(_map(), ["UpdateMap", 9, 9, 4, 4]) == ["display-damage-outside"]


def test_a_message_that_makes_no_sense() -> None:
    assert "display-bad-message" in _findings(["Scanout", 4, 4, 3, XR24, PIXELS])


def test_a_guest_that_waits_and_a_buffer_that_was_lost() -> None:
    assert _findings(["UpdateDMABUF", 0, 0, 4, 4]) == ["display-paced"]
    lost = _findings(["Disable"], ["UpdateDMABUF", 0, 0, 4, 4])
    assert lost == ["display-buffer-lost", "display-paced"]


def test_a_part_of_a_larger_buffer() -> None:
    """Without its place, as QEMU 10.0 sends it: the rows are those of two screens side by side."""
    larger = ["ScanoutDMABUF", memfd(bytes(2560 * 200)), 320, 200, 2560, XR24_FOURCC, 0, False]
    assert _findings(larger) == ["display-part-of-larger"]
