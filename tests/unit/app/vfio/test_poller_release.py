"""After release_buffers() no frame with a released buffer is ever returned, whatever the device answers."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import vfio
from app.planes.buffer import Buffer
from app.planes.frame import Frame
from app.planes.status import Reason, Status
from app.sim.config.fault import FAULT_NAMES
from app.vfio.fetch_rule import rule_of
from app.vfio.poller import Poller
from tests.unit.scripted import Answer, ScriptedDevice, ScriptedRegionDevice, memfd, plane_answer
from tests.unit.sim_tools import Clock, simulated

# A plane that needs four times the memory that the devices have.
TRUNCATED = plane_answer(height=64)


def buffers(frame: Frame) -> list[Buffer]:
    shown = [each.buffer for each in (frame.primary, frame.cursor) if each is not None]
    return shown + [each.buffer for each in frame.rejected if each.buffer is not None]


@pytest.mark.parametrize("answer", [plane_answer(), TRUNCATED], ids=["shown", "rejected"])
@pytest.mark.parametrize("make", [ScriptedDevice, lambda **more: ScriptedRegionDevice(region_size=4096, **more)])
def test_a_poll_right_after_the_release_returns_new_buffers(make: Callable[..., ScriptedDevice], answer: bytes) -> None:
    clock = Clock()
    poller = Poller(make(primary=lambda: answer), clock=clock)
    before = poller.latest()
    (old,) = buffers(before)
    assert (before.primary is None) is (answer is TRUNCATED)
    poller.release_buffers()
    assert old.released
    assert buffers(poller.frame) == []
    after = poller.latest()
    (new,) = buffers(after)
    assert not new.released
    assert after.status == before.status
    clock.advance(0.001)
    assert poller.latest() is after
    poller.close()


def test_every_buffer_is_released_although_there_is_no_memory_to_ask_the_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cache fetches each id once more when it is released (app/vfio/buffer_cache.py)."""
    handles = iter((1, 2, 3, 1, 2, 3))
    device = ScriptedDevice(primary=lambda: plane_answer(handle=next(handles)))
    poller = Poller(device, clock=Clock())
    shown = [buffers(poller.latest())[0] for _ in range(6)]
    asked: list[int] = []

    def refuse(_device: object, dmabuf_id: int) -> int:
        asked.append(dmabuf_id)
        raise MemoryError

    monkeypatch.setattr("app.vfio.buffer_cache.get_gfx_dmabuf", refuse)
    poller.close()
    assert all(each.released for each in shown)
    assert sorted(asked) == [1, 2, 3]


def test_a_probe_that_fails_after_the_release_returns_no_buffer() -> None:
    device = ScriptedDevice(primary=plane_answer)
    poller = Poller(device, clock=Clock())
    assert buffers(poller.latest())
    device.offers = 0
    poller.release_buffers()
    for _ in range(2):
        frame = poller.latest()
        assert (frame.status.reason, buffers(frame)) == (Reason.NO_DISPLAY, [])
    poller.close()


def test_a_rejected_cursor_keeps_its_buffer_while_the_primary_plane_evicts_others() -> None:
    handles = iter(range(10, 1000))
    device = ScriptedDevice(primary=lambda: plane_answer(handle=next(handles)), cursor=lambda: TRUNCATED)
    poller = Poller(device, clock=Clock())
    for _ in range(100):
        frame = poller.latest()
        assert [each.released for each in buffers(frame)] == [False, False]
    assert device.asked.count("get 1") == 1
    poller.close()


@dataclass
class Script:
    """What the device answers now."""

    primary: Answer | None = None
    cursor: Answer | None = None
    get_errno: int = 0
    ended: Status | None = None
    shared: int = field(default_factory=memfd)

    def get(self, dmabuf_id: int) -> int:
        if self.get_errno:
            raise OSError(self.get_errno, "no buffer")
        # Ids from 30 on lead to one buffer.
        return os.dup(self.shared) if dmabuf_id >= 30 else memfd()


_ids = st.integers(1, 40)
_answers = st.one_of(
    st.none(),
    st.sampled_from([errno.EINVAL, errno.ENOMEM, errno.ENODEV, errno.EIO]),
    st.builds(lambda handle: plane_answer(handle=handle), _ids),
    st.builds(lambda handle: plane_answer(handle=handle, width=32, stride=128, size=2048), _ids),
    st.builds(lambda handle: plane_answer(handle=handle, height=64), _ids),
    st.builds(lambda handle: plane_answer(handle=handle, stride=1), _ids),
)
_steps = st.one_of(
    st.tuples(st.sampled_from(["primary", "cursor"]), _answers),
    st.tuples(st.just("get"), st.sampled_from([0, 0, errno.EINVAL, errno.EMFILE])),
    st.tuples(st.just("offers"), st.sampled_from([0, vfio.VFIO_GFX_PLANE_TYPE_DMABUF])),
    st.tuples(st.just("region-size"), st.sampled_from([0, 1024, 4096, 8192, 1 << 63])),
    st.tuples(st.just("wait"), st.sampled_from([0.001, 0.3])),
    st.tuples(st.sampled_from(["poll", "poll", "poll", "release", "end", "close"]), st.none()),
)


@settings(max_examples=300)
@given(st.booleans(), st.lists(_steps, max_size=60))
def test_no_order_of_calls_and_faults_returns_a_released_buffer(region: bool, steps: list[tuple[str, Any]]) -> None:
    clock, script = Clock(), Script()
    device = (ScriptedRegionDevice if region else ScriptedDevice)(
        primary=lambda: script.primary, cursor=lambda: script.cursor, get=script.get
    )
    offers = device.offers
    poller = Poller(device, ended=lambda: script.ended, clock=clock)
    try:
        for step, value in steps:
            match step:
                case "primary" | "cursor" | "get":
                    setattr(script, "get_errno" if step == "get" else step, value)
                case "offers":
                    device.offers = offers if value else 0
                case "region-size" if isinstance(device, ScriptedRegionDevice):
                    device.region_size = value
                case "wait":
                    clock.advance(value)
                case "poll":
                    frame = poller.latest()
                    assert frame is poller.frame
                case "release":
                    poller.release_buffers()
                case "end":
                    script.ended = Status(Reason.VM_ENDED)
                case "close":
                    poller.close()
            assert not any(each.released for each in buffers(poller.frame))
    finally:
        poller.close()
        os.close(script.shared)
    assert buffers(poller.latest()) == []


@settings(max_examples=60)
@given(
    st.sampled_from(["gvt", "mbochs", "mdpy"]),
    st.lists(st.sampled_from(FAULT_NAMES), max_size=3, unique=True),
    st.lists(st.tuples(st.sampled_from(["poll", "poll", "poll", "wait", "release"]), st.integers(1, 300)), max_size=60),
)
def test_no_simulated_fault_leads_to_a_released_buffer(
    profile: str, faults: list[str], steps: list[tuple[str, int]]
) -> None:
    schedule = "+".join(f"{each}@1" if each == "gone" else f"{each}@0.2-0.5/0.7" for each in faults)
    spec = f"{profile},size=64x64" + (f",fault={schedule}" if schedule else "")
    with simulated(spec) as (device, clock):
        poller = Poller(device, rule_of(device.vgpu), clock=clock)
        for step, number in steps:
            match step:
                case "poll":
                    assert not any(each.released for each in buffers(poller.latest()))
                case "wait":
                    clock.advance(number / 1000)
                case "release":
                    poller.release_buffers()
                    assert buffers(poller.frame) == []
        poller.close()
