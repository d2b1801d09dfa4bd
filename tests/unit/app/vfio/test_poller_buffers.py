"""What the poller tells of the buffers that it holds."""

import os

from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing, PlaneKind
from app.vfio.poller import Poller
from tests.unit.app.vfio.conftest import Clock
from tests.unit.scripted import Answer, ScriptedDevice, ScriptedRegionDevice, memfd, plane_answer


def _by_id(poller: Poller) -> dict[int | None, BufferFacts]:
    return {each.plane.handle: each for each in poller.buffers()}


def test_flips_fetches_and_hits_are_counted_for_each_buffer(clock: Clock) -> None:
    shown = [1]
    device = ScriptedDevice(primary=lambda: plane_answer(handle=shown[0]), cursor=lambda: plane_answer(handle=9))
    poller = Poller(device, clock=clock)
    for shown[0] in (1, 1, 2, 3, 1, 2, 2):
        poller.latest()
    told = _by_id(poller)
    counts = {number: (each.times_shown, each.fetches, each.hits) for number, each in told.items()}
    assert counts == {1: (2, 1, 1), 2: (2, 1, 1), 3: (1, 1, 0), 9: (1, 1, 0)}
    assert {number for number, each in told.items() if each.on_screen} == {2, 9}
    frame = poller.frame
    assert frame.primary is not None
    assert (told[2].serial, told[2].fd) == (frame.primary.buffer.serial, frame.primary.buffer.dmabuf_fd)
    assert (told[2].size, told[2].exporter, told[2].name) == (4096, "", None)
    assert told[2].inode == os.fstat(told[2].fd or -1).st_ino
    asked = list(device.asked)
    poller.buffers()
    assert device.asked == asked, "it asks the device nothing"
    poller.close()
    assert poller.buffers() == ()


def test_a_moving_cursor_is_shown_once_and_told_where_it_is(clock: Clock) -> None:
    x = [0]
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: plane_answer(handle=9, width=16, stride=64, x=x[0]))
    poller = Poller(device, clock=clock)
    for x[0] in range(50):
        poller.latest()
    cursor = _by_id(poller)[9]
    assert (cursor.times_shown, cursor.fetches, cursor.hits, cursor.plane.x) == (1, 1, 49, 49)
    assert cursor.plane.kind is PlaneKind.CURSOR
    poller.close()


def test_a_buffer_that_comes_back_after_the_plane_was_off_is_shown_again(clock: Clock) -> None:
    answers: list[Answer | None] = [plane_answer(), None, plane_answer()]
    poller = Poller(ScriptedDevice(primary=lambda: answers.pop(0)), clock=clock)
    poller.latest()
    poller.latest()
    (off,) = poller.buffers()
    assert not off.on_screen
    poller.latest()
    (facts,) = poller.buffers()
    assert (facts.times_shown, facts.hits, facts.on_screen) == (2, 1, True)
    poller.close()


def test_a_buffer_that_cannot_be_shown_is_held_and_not_counted_as_shown(clock: Clock) -> None:
    poller = Poller(ScriptedDevice(primary=lambda: plane_answer(width=4096, stride=16384)), clock=clock)
    for _ in range(3):
        poller.latest()
        clock.now += 1_000_000_000
    (facts,) = poller.buffers()
    assert (facts.times_shown, facts.fetches, facts.on_screen) == (0, 1, False)
    poller.close()


def test_one_buffer_of_two_ids_is_told_once(clock: Clock) -> None:
    one, shown = memfd(), [1]
    device = ScriptedDevice(primary=lambda: plane_answer(handle=shown[0]), get=lambda _: os.dup(one))
    poller = Poller(device, clock=clock)
    for shown[0] in (1, 2, 1):
        poller.latest()
    (facts,) = poller.buffers()
    assert (facts.fetches, facts.hits, facts.plane.handle) == (2, 1, 1)
    poller.close()
    os.close(one)


def test_a_region_is_one_buffer_without_a_file(clock: Clock) -> None:
    height = [16]
    device = ScriptedRegionDevice(primary=lambda: plane_answer(handle=9, height=height[0]))
    poller = Poller(device, clock=clock)
    for height[0] in (16, 8, 16):
        poller.latest()
    (facts,) = poller.buffers()
    assert (facts.plane.backing, facts.plane.handle, facts.on_screen) == (Backing.REGION, 9, True)
    assert (facts.fd, facts.inode, facts.exporter, facts.fetches, facts.hits) == (None, None, None, 1, 2)
    poller.close()
    assert poller.buffers() == ()


def test_counts_stay_right_and_bounded_after_thousands_of_new_buffers(clock: Clock) -> None:
    handles = iter(range(10, 2010))
    device = ScriptedDevice(primary=lambda: plane_answer(handle=next(handles)), cursor=lambda: plane_answer(handle=1))
    poller = Poller(device, clock=clock)
    for _ in range(2000):
        poller.latest()
    told = _by_id(poller)
    assert told[1].times_shown == told[2009].times_shown == 1
    assert len(poller._times_shown) < 1000
    poller.close()
