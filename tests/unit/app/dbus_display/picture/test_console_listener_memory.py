"""Pictures that the CPU reads: by value, and in shared memory."""

import os
from collections.abc import Callable

import pytest
from jeepney import Message

from app.abi import drm_fourcc as drm
from app.dbus_display.connection.listener import Done, Refusal
from app.dbus_display.picture import console_listener
from app.dbus_display.picture.console_source import ConsoleSource
from app.planes.damage import DamagedRect
from app.planes.display_facts import DisplayProblem
from app.planes.status import Reason
from tests.conftest import open_files
from tests.unit.app.dbus_display.picture.calls import XR24, call, dmabuf_call, map_call, memfd
from tests.unit.app.dbus_display.picture.fake_display import FakeDisplay, pixels, problems

_PIXELS = bytes(range(32))


def test_a_picture_by_value_is_shown_and_told(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(call("Scanout", 4, 2, 16, 0x1002_0565, _PIXELS))
    surface = source.latest().primary
    assert surface is not None
    plane = surface.plane
    assert (plane.width, plane.height, plane.stride, plane.fourcc) == (4, 2, 16, drm.DRM_FORMAT_RGB565)
    assert pixels(source.latest().primary) == _PIXELS
    assert source.display_facts().scanout == "value"
    assert problems(source)[DisplayProblem.BY_VALUE].evidence == "4x2 pixels, 32 bytes"


def test_a_part_changes_its_pixels_alone(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(call("Scanout", 4, 3, 20, XR24, bytes(60)))
    before = source.latest().primary
    assert before is not None
    changes = before.buffer.changes
    assert changes is not None
    version = changes.since(0).version
    # The rows of the part have 12 bytes and a padding of 2.
    part = b"".join(bytes([row] * 12) + b"xx" for row in (1, 2))
    display.send(call("Update", 1, 1, 3, 2, 14, XR24, part))
    assert pixels(source.latest().primary) == bytes(20) + bytes(4) + bytes([1] * 12) + bytes(4) + bytes(4) + bytes(
        [2] * 12
    ) + bytes(4)
    assert changes.since(version).rects == (DamagedRect(1, 1, 3, 2),)


@pytest.mark.parametrize(
    ("x", "y", "where", "expected"),
    [
        (-1, -1, DamagedRect(0, 0, 1, 1), b"3333" + bytes(12)),
        (1, 1, DamagedRect(1, 1, 1, 1), bytes(12) + b"0000"),
        (1, -1, DamagedRect(1, 0, 1, 1), bytes(4) + b"2222" + bytes(8)),
    ],
)
def test_a_part_that_reaches_beyond_the_picture_is_cut(
    display: FakeDisplay, source: ConsoleSource, x: int, y: int, where: DamagedRect, expected: bytes
) -> None:
    display.send(call("Scanout", 2, 2, 8, XR24, bytes(16)))
    source.latest()
    display.send(call("Update", x, y, 2, 2, 8, XR24, b"0000111122223333"))
    assert source.latest().damage == (where,)
    assert pixels(source.latest().primary) == expected
    assert DisplayProblem.DAMAGE_OUTSIDE not in problems(source)


def test_a_whole_picture_of_the_same_layout_is_no_new_buffer(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(call("Scanout", 4, 2, 16, XR24, bytes(32)))
    first = source.latest()
    assert first.primary is not None
    changes = first.primary.buffer.changes
    assert changes is not None
    version = changes.since(0).version
    display.send(call("Scanout", 4, 2, 16, XR24, _PIXELS))
    assert changes.since(version) == (version + 1, None)
    second = source.latest()
    assert second.primary is first.primary
    assert second.damage == (DamagedRect(0, 0, 4, 2),)
    assert pixels(source.latest().primary) == _PIXELS
    display.send(call("Scanout", 2, 4, 8, XR24, _PIXELS))
    assert source.latest().primary is not first.primary


def test_the_last_row_may_come_without_its_padding(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(call("Scanout", 4, 2, 20, XR24, bytes(40)))
    source.latest()
    assert display.send_one(call("Scanout", 4, 2, 20, XR24, _PIXELS + bytes(4))) == Done()
    assert pixels(source.latest().primary) == _PIXELS + bytes(4)


def test_without_memory_a_picture_is_refused(
    display: FakeDisplay, source: ConsoleSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(console_listener, "ValueMemory", none_left)
    answer = display.send_one(call("Scanout", 4, 2, 16, XR24, _PIXELS))
    assert answer == Refusal("org.freedesktop.DBus.Error.Failed", "there is not enough memory")
    assert source.latest().primary is None


def test_a_part_without_its_picture_is_refused(display: FakeDisplay, source: ConsoleSource) -> None:
    part = call("Update", 0, 0, 1, 1, 4, XR24, bytes(4))
    assert isinstance(display.send_one(part), Refusal)
    display.send(call("Scanout", 4, 2, 16, XR24, _PIXELS), map_call(memfd(32)))
    # The memory of before does not come back.
    assert isinstance(display.send_one(part), Refusal)
    display.send(call("Scanout", 4, 2, 16, XR24, _PIXELS), dmabuf_call(memfd(32)))
    assert isinstance(display.send_one(part), Refusal)
    display.send(call("Scanout", 4, 2, 16, XR24, _PIXELS))
    display.listeners[0].closed("closed", ended=False)
    display.send(part)
    assert source.latest().status.reason is Reason.DISPLAY_CLOSED
    display.send(call("Scanout", 4, 2, 16, XR24, _PIXELS))
    assert isinstance(display.send_one(call("Update", 0, 0, 1, 1, 2, 0x1002_0565, bytes(2))), Refusal)
    assert problems(source)[DisplayProblem.BAD_MESSAGE].count == 4
    assert pixels(source.latest().primary) == _PIXELS


def test_shared_memory_is_shown_from_its_offset_and_live(display: FakeDisplay, source: ConsoleSource) -> None:
    fd = memfd(bytes(100) + _PIXELS)
    qemus = os.dup(fd)
    display.send(map_call(fd, offset=100))
    assert pixels(source.latest().primary) == _PIXELS
    os.pwrite(qemus, b"abcd", 100 + 16)
    os.close(qemus)
    display.send(call("UpdateMap", 0, 1, 1, 1))
    assert source.latest().damage == (DamagedRect(0, 1, 1, 1),)
    assert pixels(source.latest().primary)[16:20] == b"abcd"


def test_a_file_that_is_no_shared_memory_is_refused_and_the_picture_stays(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    """QEMU 10.0 sends its standard input for a blob scanout. After an error it sends the picture by value."""
    display.send(map_call(memfd(_PIXELS)))
    shown = source.latest()
    before = open_files()
    for path in ("/etc/hostname", "/dev/null", "/dev/zero"):
        for each in (map_call, dmabuf_call):
            assert isinstance(display.send_one(each(os.open(path, os.O_RDONLY))), Refusal)
    read, write = os.pipe()
    assert isinstance(display.send_one(map_call(read)), Refusal)
    os.close(write)
    assert open_files() == before
    assert source.latest() is shown
    assert problems(source)[DisplayProblem.WRONG_FD].count == 7
    assert display.send_one(call("Scanout", 4, 2, 16, XR24, bytes(32))) == Done()
    assert pixels(source.latest().primary) == bytes(32)


def test_shared_memory_that_is_too_small_is_refused(display: FakeDisplay, source: ConsoleSource) -> None:
    before = open_files()
    answer = display.send_one(map_call(memfd(31)))
    assert isinstance(answer, Refusal)
    assert "31 bytes where the picture needs 32" in answer.text
    assert isinstance(display.send_one(map_call(memfd(32), offset=2**32 - 1)), Refusal)
    assert open_files() == before
    assert problems(source)[DisplayProblem.MAP_TOO_SMALL].count == 2


def test_shared_memory_that_shrinks_is_named_and_shown_again_when_it_grows(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    fd = memfd(_PIXELS)
    qemus = os.dup(fd)
    display.send(map_call(fd))
    source.latest()
    os.truncate(qemus, 10)
    display.send(call("UpdateMap", 0, 0, 4, 2))
    frame = source.latest()
    assert frame.status.reason is Reason.BUFFER_TRUNCATED
    assert "10 bytes where the picture needs 32" in frame.status.detail
    assert frame.primary is None
    assert [each.status for each in frame.rejected] == [frame.status]
    assert problems(source)[DisplayProblem.MAP_TOO_SMALL].count == 1
    os.truncate(qemus, 32)
    os.close(qemus)
    display.send(call("UpdateMap", 0, 0, 4, 2))
    assert pixels(source.latest().primary) == _PIXELS[:10] + bytes(22)


def test_damage_of_a_map_outside_the_picture_is_named(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(map_call(memfd(32)))
    shown = source.latest()
    display.send(call("UpdateMap", 4, 0, 10, 10), call("UpdateMap", 0, 0, 0, 5))
    assert source.latest() is shown
    outside = problems(source)[DisplayProblem.DAMAGE_OUTSIDE]
    assert (outside.count, outside.evidence) == (1, "10x10 at 4,0 of 4x2 pixels")


@pytest.mark.parametrize(
    "scanout",
    [lambda: call("Scanout", 1, 1, 4, 0x0801_8000, bytes(4)), lambda: map_call(memfd(32), pixman=0x0801_8000)],
)
def test_an_unknown_format_is_told_with_its_number(
    display: FakeDisplay, source: ConsoleSource, scanout: Callable[[], Message]
) -> None:
    display.send(map_call(memfd(32)))
    source.latest()
    assert display.send_one(scanout()) == Done()
    frame = source.latest()
    assert (frame.status.reason, frame.status.detail) == (Reason.UNKNOWN_FORMAT, "pixman format 0x08018000")
    assert frame.primary is None
    assert problems(source)[DisplayProblem.UNKNOWN_PIXMAN].evidence == "pixman format 0x08018000"
    # What changes in it is of no interest.
    updates = (call("UpdateMap", 0, 0, 1, 1), call("Update", 0, 0, 1, 1, 4, 0x0801_8000, bytes(4)))
    assert Done() in display.send(*updates)
    assert source.latest() is frame
