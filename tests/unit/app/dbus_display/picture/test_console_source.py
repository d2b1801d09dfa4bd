import os
import random
import select
import threading

import pytest
from jeepney import Message

from app.abi import drm_fourcc as drm
from app.dbus_display.connection.listener import Done, Later, Refusal
from app.dbus_display.picture.console_source import ConsoleSource
from app.planes.damage import DamagedRect
from app.planes.display_facts import DisplayProblem
from app.planes.frame import Frame
from app.planes.plane import Backing
from app.planes.status import Reason, State
from tests.conftest import open_files
from tests.unit.app.dbus_display.picture.calls import XR24, call, dmabuf_call, map_call, memfd
from tests.unit.app.dbus_display.picture.fake_display import FakeDisplay, pixels


def is_readable(source: ConsoleSource) -> bool:
    return bool(select.select([source.fileno()], [], [], 0)[0])


def test_a_console_has_no_picture_before_the_first_scanout(source: ConsoleSource) -> None:
    frame = source.latest()
    assert frame.status.reason is Reason.NO_SCANOUT
    assert frame.status.state is State.WAITING
    assert frame.primary is None
    assert source.latest() is frame
    assert source.ended() is None
    assert source.display_facts().scanout is None


def test_the_fd_is_readable_while_there_is_a_new_frame(display: FakeDisplay, source: ConsoleSource) -> None:
    assert not is_readable(source)
    display.send(call("Scanout", 4, 2, 16, XR24, bytes(32)))
    assert is_readable(source)
    frame = source.latest()
    assert not is_readable(source)
    # Neither changes the picture.
    display.send(call("Disable"), call("MouseSet", 0, 0, 0), call("UpdateMap", 0, 0, 1, 1))
    assert not is_readable(source)
    assert source.latest() is frame


def test_a_frame_has_the_time_of_its_first_message_and_what_they_changed(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    display.send(map_call(memfd(32)))
    first = source.latest()
    assert first.damage == (DamagedRect(0, 0, 4, 2),)
    display.now_ns = 2000
    display.send(call("UpdateMap", 0, 0, 1, 1))
    display.now_ns = 3000
    display.send(call("UpdateMap", 2, 1, 8, 8))
    frame = source.latest()
    assert frame.serial == first.serial + 1
    assert frame.timing is not None
    assert (frame.timing.previous_poll_ns, frame.timing.seen_ns) == (2000, 2000)
    assert frame.damage == (DamagedRect(0, 0, 1, 1), DamagedRect(2, 1, 2, 1))
    # The same picture changed: that is no flip.
    assert frame.primary is first.primary


def test_damage_that_is_told_again_without_a_change_makes_no_frame(display: FakeDisplay, source: ConsoleSource) -> None:
    """QEMU's VGA tells the cell of a text cursor with every refresh."""
    fd = memfd(32)
    display.send(map_call(os.dup(fd)))
    for _ in range(4):
        display.send(call("UpdateMap", 0, 0, 1, 1))
    seen = source.latest()
    display.send(call("UpdateMap", 0, 0, 1, 1))
    assert source.latest() is seen
    os.pwrite(fd, b"\xff", 1)
    os.close(fd)
    display.send(call("UpdateMap", 0, 0, 1, 1))
    assert source.latest().damage == (DamagedRect(0, 0, 1, 1),)


def test_more_damage_than_can_be_listed_is_damage_of_everything(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(map_call(memfd(32)))
    source.latest()
    display.send(*[call("UpdateMap", 0, 0, 1, 1), call("UpdateMap", 1, 0, 1, 1)] * 50)
    assert source.latest().damage == (DamagedRect(0, 0, 4, 2),)


def test_a_buffer_of_a_frame_is_released_when_the_next_frame_is_taken(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    display.send(map_call(memfd(32)))
    first = source.latest().primary
    display.send(map_call(memfd(32)))
    assert first is not None
    assert not first.buffer.released
    source.latest()
    assert first.buffer.released


def test_a_buffer_that_no_frame_had_is_released_at_once(display: FakeDisplay, source: ConsoleSource) -> None:
    before = open_files()
    display.send(*[map_call(memfd(32)) for _ in range(10)])
    assert sum((open_files() - before).values()) == 1
    assert source.display_facts().scanouts_skipped == 9


def test_released_buffers_are_replaced_by_others_of_the_same_memory(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    scanouts = (
        call("Scanout", 4, 2, 16, XR24, bytes(range(32))),
        map_call(memfd(bytes(range(32)))),
        dmabuf_call(memfd(bytes(range(32)))),
    )
    display.send(call("CursorDefine", 1, 1, 0, 0, b"abcd"), call("MouseSet", 0, 0, 1))
    for each in scanouts:
        display.send(each)
        before = source.latest()
        source.release_buffers()
        assert is_readable(source)
        after = source.latest()
        assert before.primary is not None
        assert before.cursor is not None
        assert before.primary.buffer.released
        assert before.cursor.buffer.released
        assert after.primary is not None
        assert after.primary.buffer.serial != before.primary.buffer.serial
        assert pixels(after.primary) == bytes(range(32))
        assert pixels(after.cursor) == b"abcd"
    # The messages after it change the new ones.
    display.send(scanouts_again := call("Scanout", 4, 2, 16, XR24, bytes(32)))
    assert scanouts_again is not None
    source.release_buffers()
    display.send(call("Update", 0, 0, 1, 1, 4, XR24, b"wxyz"))
    assert pixels(source.latest().primary)[:4] == b"wxyz"


def test_a_connection_that_closed_is_told_and_the_next_picture_shown(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    display.send(map_call(memfd(32)))
    source.latest()
    display.listeners[0].closed("the guard closed it", ended=False)
    frame = source.latest()
    assert (frame.status.reason, frame.status.detail) == (Reason.DISPLAY_CLOSED, "the guard closed it")
    assert frame.primary is None
    assert source.ended() is None
    display.listeners[0].registered()
    display.send(map_call(memfd(32)))
    assert source.latest().status.reason is Reason.OK


def test_the_vms_end_is_the_last_frame_and_releases_everything(display: FakeDisplay, source: ConsoleSource) -> None:
    before = open_files()
    display.send(dmabuf_call(memfd(32)), call("CursorDefine", 1, 1, 0, 0, bytes(4)), call("MouseSet", 0, 0, 1))
    shown = source.latest()
    listener = display.listeners[0]
    listener.closed("the VM ended", ended=True)
    frame = source.latest()
    assert (frame.status.reason, frame.status.detail) == (Reason.VM_ENDED, "the VM ended")
    assert source.ended() == frame.status
    for each in (shown.primary, shown.cursor):
        assert each is not None
        assert each.buffer.released
    assert open_files() == before
    listener.closed("once more", ended=False)
    source.release_buffers()
    assert source.latest() is frame


def test_a_closed_source_lets_everything_go_and_takes_nothing_in(display: FakeDisplay) -> None:
    before = open_files()
    source = display.source()
    display.send(dmabuf_call(memfd(32)))
    frame = source.latest()
    display.send(dmabuf_call(memfd(32)))
    listener = display.listeners[0]
    source.close()
    source.close()
    assert display.listeners == {}
    assert display.given_back == 1
    assert source.fileno() == -1
    assert source.latest() is frame
    # The display's thread may be in the middle of a call.
    answers = [
        listener.handle(each, 0)
        for each in (dmabuf_call(memfd(32)), map_call(memfd(32)), call("Scanout", 4, 2, 16, XR24, bytes(32)))
    ]
    assert answers == [Done()] * 3
    assert open_files() == before


def test_a_source_that_cannot_be_registered_keeps_no_fd(display: FakeDisplay, source: ConsoleSource) -> None:
    before = open_files()
    with pytest.raises(ValueError, match="has a listener"):
        display.source()
    assert open_files() == before
    assert source.fileno() >= 0


def test_buffers_tell_what_is_held(display: FakeDisplay, source: ConsoleSource) -> None:
    first, second = memfd(32), memfd(64)
    again = os.dup(first)
    display.send(dmabuf_call(first), dmabuf_call(second), dmabuf_call(again))
    source.latest()
    facts = {each.size: each for each in source.buffers()}
    assert facts[32].inode != facts[64].inode
    assert (facts[32].times_shown, facts[32].fetches, facts[32].hits, facts[32].on_screen) == (2, 1, 1, True)
    assert (facts[64].times_shown, facts[64].on_screen) == (1, False)
    assert facts[32].plane.backing is Backing.DMABUF


def test_frames_and_messages_at_the_same_time(display: FakeDisplay, source: ConsoleSource) -> None:
    """The display's thread flips, patches and moves while the consumer takes, reads and releases."""
    dice = random.Random(13)
    stop = threading.Event()
    errors: list[BaseException] = []

    def push() -> None:
        try:
            while not stop.is_set():
                display.send(
                    dice.choice(
                        (
                            lambda: map_call(memfd(32)),
                            lambda: dmabuf_call(memfd(32)),
                            lambda: call("Scanout", 4, 2, 16, XR24, bytes(32)),
                            lambda: call("Update", 1, 1, 2, 1, 8, XR24, bytes(8)),
                            lambda: call("CursorDefine", 1, 1, 0, 0, bytes(4)),
                            lambda: call("MouseSet", 1, 1, 1),
                        )
                    )()
                )
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        for turn in range(2000):
            frame = source.latest()
            for surface in (frame.primary, frame.cursor):
                if surface is not None:
                    assert not surface.buffer.released
                    pixels(surface)
            source.shown(frame, turn)
            if turn % 50 == 0:
                source.release_buffers()
    finally:
        stop.set()
        thread.join()
    assert errors == []


def test_ten_thousand_random_messages_are_survived(display: FakeDisplay) -> None:
    """No error, no fd left, few fds and buffers at any time, and every frame can be read or says why not."""
    dice = random.Random(13)
    before = open_files()
    source = display.source()
    try:
        for turn in range(10_000):
            display.now_ns += dice.randrange(20_000_000)
            assert isinstance(display.send_one(_random_call(dice, turn)), Done | Later | Refusal)
            _disturb(dice, display, source)
            if turn % 50 == 0:
                # Of each file there may be a copy, because a memfd may shrink.
                assert sum((open_files() - before).values()) <= 24
                assert len(source.buffers()) <= 7
        facts = source.display_facts()
    finally:
        source.close()
    assert {each.problem for each in facts.problems} == set(DisplayProblem)
    assert len(facts.messages) == 10
    assert open_files() == before


def _disturb(dice: random.Random, display: FakeDisplay, source: ConsoleSource) -> None:
    """What else happens: connections end, and the consumer takes frames, or lets buffers go."""
    listener = display.listeners[0]
    chance = dice.random()
    if chance < 0.01:
        listener.closed("random", ended=False)
        listener.registered()
    elif chance < 0.02:
        source.release_buffers()
    elif chance < 0.3:
        _look(source)
    due, next_ns = listener.due_answers(display.now_ns)
    assert next_ns is None or next_ns > display.now_ns
    assert len(due) <= 16


def _look(source: ConsoleSource) -> None:
    frame: Frame = source.latest()
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            with surface.buffer.mapping() as memory:
                assert len(memory) >= surface.plane.stride * (surface.plane.height - 1)
    source.shown(frame, 0)


def _random_call(dice: random.Random, serial: int) -> Message:
    def edge() -> int:
        return dice.choice((1, 2, 3, 7, 16, 33, dice.randrange(2**32)))

    def place() -> int:
        return dice.choice((-1, 0, 1, 2, 5, 40, dice.randrange(-(2**31), 2**31)))

    def size() -> int:
        return dice.choice((-1, 0, 1, 2, 7, 40, 2**31 - 1))

    def fd() -> int:
        return dice.choice((lambda: os.open("/etc/hostname", os.O_RDONLY), lambda: memfd(dice.randrange(4096))))()

    width, height = edge(), edge()
    stride = dice.choice((width * 4, width * 4 + 8, edge())) % 2**32
    pixman = dice.choice((XR24, XR24, XR24, 0x1002_0565, dice.randrange(2**32)))
    fourcc = dice.choice((drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_ABGR8888, dice.randrange(2**32)))
    modifier = dice.choice((0, 0, drm.I915_FORMAT_MOD_X_TILED, dice.randrange(2**64)))
    data = bytes(min(max(stride * height, 0), 4000))
    damage = (place(), place(), size(), size())
    match dice.randrange(11):
        case 0:
            return call("Scanout", width, height, stride, pixman, data)
        case 1:
            small = (place(), place(), dice.choice((1, 3, size())), dice.choice((1, 3, size())))
            return call("Update", *small, 12, pixman, bytes(36))
        case 2:
            return call("ScanoutMap", fd(), dice.choice((0, 8, edge())), width, height, stride, pixman)
        case 3 | 4:
            return call("UpdateMap", *damage)
        case 5:
            return call("ScanoutDMABUF", fd(), width, height, stride, fourcc, modifier, dice.random() < 0.5)
        case 6:
            count = dice.choice((1, 1, 1, 2, 5))
            fds = [fd() for _ in range(dice.choice((count, 1)))]
            numbers = ([0] * count, [stride] * count, count)
            return call(
                "ScanoutDMABUF2", fds, edge(), edge(), width, height, *numbers, fourcc, edge(), edge(), modifier, False
            )
        case 7:
            return call("UpdateDMABUF", *damage, serial=serial + 1)
        case 8:
            return call("Disable")
        case 9:
            return call("MouseSet", place(), place(), dice.randrange(3))
        case _:
            return call("CursorDefine", width % 2**31, height % 2**31, place(), place(), data)
