"""Which buffers are fetched, kept and shared."""

import os

from app.planes.status import Reason
from app.vfio.buffer_cache import FetchRule
from app.vfio.poller import Poller
from tests.unit.app.vfio.conftest import Clock
from tests.unit.scripted import Answer, ScriptedDevice, memfd, plane_answer


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_recycled_id_with_another_layout_is_fetched_anew(clock: Clock) -> None:
    answers: list[Answer] = [plane_answer(), plane_answer(width=32, height=32, stride=128)]
    device = ScriptedDevice(primary=lambda: answers.pop(0))
    poller = Poller(device, clock=clock)
    first = poller.latest().primary
    second = poller.latest().primary
    assert first is not None and second is not None
    assert first.buffer.released and not second.buffer.released
    assert device.asked.count("get 1") == 2
    poller.close()


def test_two_ids_of_one_buffer_share_it(clock: Clock) -> None:
    one = memfd()
    answers: list[Answer] = [plane_answer(handle=1), plane_answer(handle=2)]
    device = ScriptedDevice(primary=lambda: answers.pop(0), get=lambda _: os.dup(one))
    poller = Poller(device, clock=clock)
    first, second = poller.latest().primary, poller.latest().primary
    assert first is not None and second is not None
    assert first.buffer is second.buffer
    poller.close()
    os.close(one)


def test_eviction_spares_what_is_on_screen(clock: Clock) -> None:
    """A thousand flips among new buffers: a bounded number is held, the cursor's never let go."""
    handles = iter(range(10, 1010))
    device = ScriptedDevice(primary=lambda: plane_answer(handle=next(handles)), cursor=lambda: plane_answer(handle=1))
    poller = Poller(device, clock=clock)
    before = open_fds()
    for _ in range(1000):
        frame = poller.latest()
        assert frame.primary is not None and not frame.primary.buffer.released
        assert frame.cursor is not None and not frame.cursor.buffer.released
        assert open_fds() < before + 20
    assert device.asked.count("get 1") == 1
    poller.close()


def test_a_driver_that_must_not_be_asked_twice_is_not(clock: Clock) -> None:
    """As shipped, mbochs corrupts kernel memory on the second GET of an id."""
    handle = [1]
    device = ScriptedDevice(primary=lambda: plane_answer(handle=handle[0]))
    poller = Poller(device, FetchRule.ONCE, clock=clock)
    for number in (*range(1, 300), *range(1, 300)):
        handle[0] = number
        clock.now += 300_000_000
        poller.latest()
    fetched = [each for each in device.asked if each.startswith("get")]
    assert len(fetched) == len(set(fetched)) == 299
    assert poller.frame.status.reason is Reason.OK
    handle[0] = 1
    assert poller.latest().status.reason is Reason.FETCHED_BEFORE, "nobody else is to blame"
    poller.close()


def test_one_id_for_both_planes_takes_neither_ones_buffer(clock: Clock) -> None:
    """Nothing but the driver's word says that ids of two planes differ."""
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: plane_answer(width=16, stride=64))
    poller = Poller(device, clock=clock)
    first = poller.latest()
    assert first.primary is not None and not first.primary.buffer.released
    assert first.cursor is not None and not first.cursor.buffer.released
    assert poller.latest() is first
    assert device.asked.count("get 1") == 2
    poller.close()


def test_a_driver_whose_buffers_may_be_taken_is_not_asked_at_all(clock: Clock) -> None:
    device = ScriptedDevice(primary=plane_answer)
    poller = Poller(device, FetchRule.NEVER, clock=clock)
    frame = poller.latest()
    assert frame.status.reason is Reason.FETCHED_ELSEWHERE
    assert frame.rejected[0].plane.width == 64
    assert "get 1" not in device.asked
    poller.close()
