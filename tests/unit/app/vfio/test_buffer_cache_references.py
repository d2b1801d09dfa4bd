"""The buffer cache leaves no reference of a query behind in GVT-g, and asks no other driver more than it may."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import vfio
from app.planes.status import Reason
from app.sim.driver.gvt import GvtDevice
from app.vfio.buffer_cache import FetchRule
from app.vfio.poller import Poller
from tests.unit.scripted import ScriptedDevice, plane_answer
from tests.unit.sim_tools import Clock, DuplicateDevice, simulated

SMALL = "gvt,size=64x64"
# The capacity of the cache, and what the poll before brought.
_MOST_OBJECTS = 18


@contextmanager
def polled(spec: str) -> Iterator[tuple[Poller, GvtDevice, Clock]]:
    """A poller of a duplicate of the device's fd: the driver's state outlives the poller, as the VM goes on."""
    with simulated(spec) as (device, clock):
        assert isinstance(device, GvtDevice)
        poller = Poller(DuplicateDevice(device), clock=clock)
        try:
            yield poller, device, clock
        finally:
            poller.close()


def poll(poller: Poller, clock: Clock, seconds: float, polls_per_second: int = 240) -> None:
    for _ in range(round(seconds * polls_per_second)):
        clock.advance(1 / polls_per_second)
        poller.latest()


@pytest.mark.parametrize(
    "more",
    [
        "",
        ",cursor=off",
        ",buffers=1",
        ",buffers=8",
        ",fault=hostile",
        ",fault=truncated@0.1-0.2/0.3",
        ",fault=read-only@0.1-0.2/0.3",
        ",fault=mode@0.1-0.2/0.3",
        ",fault=off@0.1-0.2/0.3",
        ",fault=query-efault@0.1-0.2/0.3",
        ",fault=query-enomem@0.1-0.2/0.3",
    ],
)
@pytest.mark.parametrize("seconds", [0.005, 0.05, 0.15, 1.0])
def test_no_reference_is_left_when_the_buffers_are_released_or_the_poller_closed(more: str, seconds: float) -> None:
    with polled(SMALL + more) as (poller, device, clock):
        for _ in range(2):
            poll(poller, clock, seconds)
            poller.release_buffers()
            assert device.references() == {}
        poll(poller, clock, seconds)
        poller.close()
        assert device.references() == {}
        poller.close()


def test_the_references_of_both_planes_are_dropped() -> None:
    with polled(f"{SMALL},fps=0") as (poller, device, clock):
        frame = poller.latest()
        assert frame.primary is not None and frame.cursor is not None
        assert device.query_references() == set(), "the fetch came after the query"
        poll(poller, clock, 0.1)
        assert device.references() == {1: 2, 2: 2}, "a query and an export each"
        poller.close()
        assert device.references() == {}


def test_eviction_drops_the_reference_and_the_object_goes() -> None:
    """The guest changes its mode and flips among eight new framebuffers each time."""
    with polled(f"{SMALL},buffers=8") as (poller, device, clock):
        for width in range(64, 128, 4):
            device.guest.plug((width, 64))
            poll(poller, clock, 0.3)
            assert device.objects <= _MOST_OBJECTS
            assert device.query_references() <= device.references().keys()
        poller.close()
        assert device.references() == {}


def test_a_fetch_that_failed_leaves_no_reference_of_its_query() -> None:
    """As where this process had no fd left for a moment, and the guest showed something else by the next attempt."""
    with polled(f"{SMALL},fault=get-einval@0.1-0.2") as (poller, device, clock):
        poll(poller, clock, 0.12)
        for width in (80, 96):
            device.guest.plug((width, 64))
            poll(poller, clock, 0.02)
        poll(poller, clock, 0.5)
        assert device.references().keys() - {1, 2, 3, 4}, "some were never fetched"
        poller.release_buffers()
        assert device.references() == {}
        poll(poller, clock, 0.1)


def test_of_fetches_that_fail_for_ever_only_some_are_remembered() -> None:
    def refuse(dmabuf_id: int) -> int:
        raise OSError(24, f"no fd for {dmabuf_id}")

    count = [0]
    device = ScriptedDevice(primary=lambda: plane_answer(handle=count[0]), get=refuse)
    poller = Poller(device)
    for count[0] in range(1, 1000):
        device.asked.clear()
        poller.latest()
        assert sum(each.startswith("get") for each in device.asked) <= 2
    device.asked.clear()
    poller.close()
    assert sum(each.startswith("get") for each in device.asked) == 16


_steps = st.lists(
    st.tuples(st.sampled_from(["poll", "flip", "mode", "wait", "release"]), st.integers(0, 40)), max_size=60
)


@settings(max_examples=40)
@given(_steps)
def test_whatever_the_order_no_reference_is_left(steps: list[tuple[str, int]]) -> None:
    with polled(f"{SMALL},fps=1,buffers=8") as (poller, device, clock):
        for step, number in steps:
            match step:
                case "poll":
                    poller.latest()
                case "flip":
                    clock.advance(1)
                case "mode":
                    device.guest.plug((64 + 4 * number, 64))
                case "wait":
                    clock.advance(0.1)
                case "release":
                    poller.release_buffers()
                    assert device.references() == {}
            assert device.objects <= _MOST_OBJECTS
        poller.close()
        assert device.references() == {}


def test_an_id_whose_fetch_was_the_last_question_is_not_fetched_again() -> None:
    handles = iter(range(10, 110))
    device = ScriptedDevice(primary=lambda: plane_answer(handle=next(handles)))
    poller = Poller(device)
    for _ in range(100):
        poller.latest()
    poller.close()
    assert [device.asked.count(f"get {each}") for each in range(10, 110)] == [1] * 100


def test_a_poll_costs_at_most_one_more_fetch_a_plane() -> None:
    """Each id is polled twice, so that each eviction has a reference to drop; the cursor changes like the primary."""
    count = [0]
    device = ScriptedDevice(
        primary=lambda: plane_answer(handle=1000 + count[0] // 2),
        cursor=lambda: plane_answer(handle=2000 + count[0] // 2),
    )
    poller = Poller(device)
    for count[0] in range(400):
        device.asked.clear()
        poller.latest()
        assert sum(each.startswith("get") for each in device.asked) <= (4 if count[0] % 2 == 0 else 0)
    device.asked.clear()
    poller.release_buffers()
    fetches = list(device.asked)
    assert len(fetches) == len(set(fetches)) == 16
    poller.release_buffers()
    poller.close()
    assert device.asked == fetches


@pytest.mark.parametrize("rule", [FetchRule.ONCE, FetchRule.NEVER])
def test_a_driver_that_must_not_be_asked_twice_is_not_asked_at_the_end(rule: FetchRule) -> None:
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: plane_answer(handle=2))
    poller = Poller(device, rule)
    for _ in range(10):
        poller.latest()
    poller.release_buffers()
    poller.latest()
    poller.close()
    assert sum(each.startswith("get") for each in device.asked) == (2 if rule is FetchRule.ONCE else 0)


def test_mbochs_as_shipped_survives_release_and_close() -> None:
    """The simulated driver raises where the real one corrupts the kernel's memory."""
    with simulated("mbochs,module=mbochs,size=64x64") as (device, clock):
        poller = Poller(DuplicateDevice(device), FetchRule.ONCE, clock=clock)
        poll(poller, clock, 0.1)
        assert poller.frame.status.reason is Reason.OK
        poller.release_buffers()
        poll(poller, clock, 0.1)
        poller.close()


def test_errors_of_the_last_fetch_are_ignored() -> None:
    def refuse(dmabuf_id: int) -> int:
        raise OSError(22, f"no id {dmabuf_id}")

    device = ScriptedDevice(primary=plane_answer, offers=vfio.VFIO_GFX_PLANE_TYPE_DMABUF)
    poller = Poller(device)
    poller.latest()
    frame = poller.latest()
    device.get = refuse
    poller.close()
    assert frame.primary is not None and frame.primary.buffer.released
    assert device.closed
