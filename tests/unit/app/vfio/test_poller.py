"""The frames that the poller makes of a device's answers, and what it asks the device."""

import errno
import os
from collections.abc import Iterator

import pytest

from app.abi import vfio
from app.planes.frame import FrameTiming
from app.planes.status import Reason, Status
from app.vfio.poller import Poller
from tests.unit.app.vfio.conftest import Clock
from tests.unit.scripted import Answer, ScriptedDevice, memfd, plane_answer


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def no_fd_is_left() -> Iterator[None]:
    before = open_fds()
    yield
    assert open_fds() == before


def test_a_poll_that_finds_nothing_new_returns_the_same_frame_and_fetches_nothing(clock: Clock) -> None:
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: plane_answer(handle=2, x=-5, y=3))
    poller = Poller(device, clock=clock)
    first = poller.latest()
    assert first.status.reason is Reason.OK
    assert first.primary is not None and first.cursor is not None
    assert (first.cursor.plane.x, first.cursor.plane.y) == (-5, 3)
    device.asked.clear()
    for _ in range(10):
        assert poller.latest() is first
    assert device.asked == ["primary", "cursor"] * 10
    poller.close()
    assert device.closed


def test_a_timing_is_made_only_for_a_frame_that_differs(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    timings: list[FrameTiming] = []

    def count(*arguments: int) -> FrameTiming:
        timings.append(FrameTiming(*arguments))
        return timings[-1]

    monkeypatch.setattr("app.vfio.poller.FrameTiming", count)
    x = [0]
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: plane_answer(handle=2, x=x[0]))
    poller = Poller(device, clock=clock)
    for number in range(1, 6):
        x[0] = number
        for _ in range(10):
            clock.now += 1_000_000
            assert poller.latest().timing is timings[-1]
        assert len(timings) == number
    assert [each.seen_ns for each in timings] == [1_000_000 + 10_000_000 * number for number in range(5)]
    assert [each.seen_ns - each.previous_poll_ns for each in timings] == [1_000_000] * 5
    poller.close()


def test_a_flip_during_the_poll_lies_between_its_two_times(clock: Clock) -> None:
    """The poll began before the flip, and its query saw it all the same."""
    flipped_ns = 0

    def flip_before_the_answer() -> Answer:
        nonlocal flipped_ns
        clock.now += 1000
        flipped_ns = clock.now
        clock.now += 1000
        return plane_answer(handle=2)

    device = ScriptedDevice(primary=plane_answer)
    poller = Poller(device, clock=clock)
    poller.latest()
    clock.now += 1_000_000
    polled_ns = clock.now
    device.primary = flip_before_the_answer
    timing = poller.latest().timing
    assert timing is not None
    assert timing.previous_poll_ns < polled_ns < flipped_ns <= timing.seen_ns
    poller.close()


def test_a_frame_that_no_poll_found_has_no_timing(clock: Clock) -> None:
    """It would count the pause since the last poll as the time of its queries."""
    poller = Poller(ScriptedDevice(primary=plane_answer), clock=clock)
    assert poller.latest().timing is not None
    clock.now += 5_000_000_000
    poller.release_buffers()
    assert (poller.frame.status.reason, poller.frame.timing) == (Reason.NOT_STARTED, None)
    poller.close()


def test_the_last_frame_is_not_timed_with_the_release_of_the_buffers(clock: Clock) -> None:
    def get(_dmabuf_id: int) -> int:
        clock.now += 10_000_000
        return memfd()

    ended: list[Status | None] = [None, None, Status(Reason.VM_ENDED)]
    device = ScriptedDevice(primary=plane_answer, get=get)
    poller = Poller(device, ended=lambda: ended.pop(0), clock=clock)
    first = poller.latest()
    assert first.timing is not None and (first.timing.query_ns, first.timing.fetch_ns) == (0, 10_000_000)
    poller.latest()
    clock.now += 1_000_000
    last = poller.latest()
    assert device.asked.count("get 1") == 2, "one more fetch drops the reference of the last query"
    assert last.timing is not None and (last.timing.query_ns, last.timing.fetch_ns) == (0, 0)
    assert last.serial == first.serial + 1
    poller.close()


def test_every_query_struct_is_zero_except_its_inputs(clock: Clock) -> None:
    """GVT-g leaves the struct unchanged when the pipe is off; old fields would look like a plane."""
    answers: list[Answer | None] = [plane_answer(), None]
    device = ScriptedDevice(primary=lambda: answers.pop(0))
    poller = Poller(device, clock=clock)
    assert poller.latest().status.reason is Reason.OK
    frame = poller.latest()
    assert frame.status.reason is Reason.PLANE_OFF
    assert frame.primary is None
    for question in device.questions:
        fields = vfio.GFX_PLANE_INFO.unpack(question)
        assert fields[0] == 64 and not any(fields[3:])
    poller.close()


def test_enomem_is_asked_again_at_once_and_only_once(clock: Clock) -> None:
    """mbochs answers ENOMEM to the first query of each mode."""
    answers: list[Answer] = [errno.ENOMEM, plane_answer(), errno.ENOMEM, errno.ENOMEM]
    device = ScriptedDevice(primary=lambda: answers.pop(0))
    poller = Poller(device, clock=clock)
    assert poller.latest().status.reason is Reason.OK
    assert device.asked.count("primary") == 2
    assert poller.latest().status.reason is Reason.OUT_OF_MEMORY
    assert device.asked.count("primary") == 4
    poller.close()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EINVAL, Reason.QUERY_REJECTED),
        (errno.EFAULT, Reason.FRAMEBUFFER_UNMAPPED),
        (errno.ENODEV, Reason.NOT_INITIALIZED),
        (errno.EIO, Reason.DEVICE_FAULT),
    ],
)
def test_a_query_error_is_no_plane_now_and_the_picture_returns(clock: Clock, number: int, reason: Reason) -> None:
    answers: list[Answer] = [plane_answer(), number, plane_answer()]
    device = ScriptedDevice(primary=lambda: answers.pop(0))
    poller = Poller(device, clock=clock)
    first = poller.latest()
    frame = poller.latest()
    assert (frame.status.reason, frame.primary) == (reason, None)
    later = poller.latest()
    assert later.status.reason is Reason.OK
    assert later.primary is not None and first.primary is not None
    assert later.primary.buffer is first.primary.buffer
    assert device.asked.count("get 1") == 1
    poller.close()


def test_a_refused_fetch_is_not_repeated_before_a_pause(clock: Clock) -> None:
    def refuse(dmabuf_id: int) -> int:
        raise OSError(errno.ENOENT, "no such id")

    device = ScriptedDevice(primary=plane_answer, get=refuse)
    poller = Poller(device, clock=clock)
    for _ in range(50):
        frame = poller.latest()
        assert frame.status.reason is Reason.FETCH_FAILED
        assert frame.rejected[0].plane.handle == 1
    assert device.asked.count("get 1") == 1
    clock.now += 300_000_000
    device.get = lambda _: memfd()
    assert poller.latest().status.reason is Reason.OK
    poller.close()


def test_a_cursor_that_cannot_be_shown_does_not_hide_the_picture(clock: Clock) -> None:
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: plane_answer(handle=2, stride=1))
    poller = Poller(device, clock=clock)
    frame = poller.latest()
    assert frame.status.reason is Reason.OK
    assert frame.cursor is None
    assert [each.status.reason for each in frame.rejected] == [Reason.BAD_GEOMETRY]
    poller.close()


def test_a_region_device_is_not_asked_for_a_cursor(clock: Clock) -> None:
    """mdpy ignores the plane type and would answer with its primary plane."""
    device = ScriptedDevice(offers=vfio.VFIO_GFX_PLANE_TYPE_REGION, primary=lambda: None)
    poller = Poller(device, clock=clock)
    poller.latest()
    assert device.asked == ["primary"]
    poller.close()


def test_a_device_without_display_says_so_and_is_asked_again_later(clock: Clock) -> None:
    device = ScriptedDevice(offers=0, primary=plane_answer)
    poller = Poller(device, clock=clock)
    for _ in range(20):
        assert poller.latest().status.reason is Reason.NO_DISPLAY
    assert len(device.questions) == 2
    device.offers = vfio.VFIO_GFX_PLANE_TYPE_DMABUF
    clock.now += 300_000_000
    assert poller.latest().status.reason is Reason.OK
    poller.close()


def test_the_buffers_are_released_in_the_first_poll_after_the_end(clock: Clock) -> None:
    ends: list[Status] = []
    device = ScriptedDevice(primary=plane_answer)
    poller = Poller(device, ended=lambda: ends[0] if ends else None, clock=clock)
    first = poller.latest()
    ends.append(Status(Reason.VM_ENDED, "qemu 1 ended"))
    frame = poller.latest()
    assert frame.status == ends[0]
    assert first.primary is not None and first.primary.buffer.released
    assert poller.latest() is frame
    assert not device.closed, "images made from the buffers must go before the device"
    poller.close()
    assert device.closed


def test_a_device_that_answers_enodev_to_get_info_too_is_gone(clock: Clock) -> None:
    answers: list[Answer] = [plane_answer()]
    device = ScriptedDevice(primary=lambda: answers.pop() if answers else errno.ENODEV)
    poller = Poller(device, clock=clock)
    assert poller.latest().status.reason is Reason.OK
    assert poller.latest().status.reason is Reason.NOT_INITIALIZED
    device.info_errno = errno.ENODEV
    clock.now += 300_000_000
    assert poller.latest().status.reason is Reason.DEVICE_REMOVED
    poller.close()


def test_a_cursor_that_the_driver_refuses_is_not_off(clock: Clock) -> None:
    answers: list[Answer | None] = [None]
    device = ScriptedDevice(primary=plane_answer, cursor=lambda: answers[0])
    poller = Poller(device, clock=clock)
    off = poller.latest()
    assert off.cursor_status == Status(Reason.PLANE_OFF)
    answers[0] = errno.EINVAL
    refused = poller.latest()
    assert refused.cursor_status == Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument", errno.EINVAL)
    assert (refused.status.reason, refused.primary is off.primary, refused.cursor) == (Reason.OK, True, None)
    assert poller.latest() is refused
    answers[0] = plane_answer(handle=2)
    shown = poller.latest()
    assert shown.cursor is not None and shown.cursor_status.reason is Reason.OK
    poller.close()


def test_a_driver_of_regions_has_no_cursor_plane(clock: Clock) -> None:
    poller = Poller(ScriptedDevice(vfio.VFIO_GFX_PLANE_TYPE_REGION, primary=plane_answer), clock=clock)
    assert poller.latest().cursor_status.reason is Reason.NO_CURSOR_PLANE
    poller.close()
