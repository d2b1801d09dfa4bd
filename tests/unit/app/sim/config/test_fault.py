"""Every fault: what it does, and that the picture returns when it ends."""

import errno
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import vfio
from app.device.info import region_info
from app.planes.buffer import DmaBuffer
from app.planes.check import bytes_needed
from app.planes.dmabuf import dma_buf_info
from app.sim.config.fault import FAULT_NAMES, Fault, parse_faults
from app.sim.config.spec import parse_spec
from app.sim.guest.timetable import Timetable
from app.sim.profile import open_simulated
from app.vfio.poller import Poller
from tests.unit.sim_tools import CURSOR, REGION, Clock, get, query, simulated, true_picture, viewed_picture


def error_of(action: object, *arguments: object) -> int | None:
    assert callable(action)
    with pytest.raises(OSError) as caught:
        action(*arguments)
    number: int | None = caught.value.errno
    return number


@pytest.mark.parametrize("profile", ["gvt", "mdpy"])
@pytest.mark.parametrize("name", ["einval", "efault", "enomem", "enodev"])
def test_a_query_fails_and_recovers(profile: str, name: str) -> None:
    with simulated(f"{profile},size=64x64,fault=query-{name}@1-2") as (device, clock):
        flags = REGION if profile == "mdpy" else 2
        before = query(device, flags=flags)
        clock.advance(1)
        for kind in (1, CURSOR):
            assert error_of(query, device, kind, flags) == getattr(errno, name.upper())
        # What the device supports does not depend on the state of the guest.
        query(device, flags=flags | 1)
        clock.advance(1)
        assert query(device, flags=flags).width == before.width


@pytest.mark.parametrize("name", ["einval", "enoent"])
def test_a_fetch_fails_and_recovers(name: str) -> None:
    with simulated(f"gvt,size=64x64,fault=get-{name}@0-1") as (device, clock):
        handle = query(device).handle
        assert error_of(get, device, handle) == getattr(errno, name.upper())
        clock.advance(1)
        assert np.array_equal(viewed_picture(device), true_picture(device))


@pytest.mark.parametrize(("profile", "number"), [("gvt", errno.EINVAL), ("mbochs", errno.ENOENT)])
def test_a_stale_id_cannot_be_fetched(profile: str, number: int) -> None:
    with simulated(f"{profile},size=64x64,fault=stale@0-1,fps=0") as (device, clock):
        if profile == "mbochs":
            error_of(query, device)
        assert error_of(get, device, query(device).handle) == number
        clock.advance(1)
        if profile == "mbochs":
            error_of(query, device)
        assert np.array_equal(viewed_picture(device), true_picture(device))


def test_a_truncated_buffer_is_too_small_and_later_ids_are_whole() -> None:
    with simulated("gvt,size=128x128,fault=truncated@0-1") as (device, clock):
        answer = query(device)
        fd = get(device, answer.handle)
        assert dma_buf_info(fd).size < answer.size
        clock.advance(1)
        assert query(device).handle != answer.handle
        assert np.array_equal(viewed_picture(device), true_picture(device))
        os.close(fd)


def test_a_truncated_region_is_too_small() -> None:
    with simulated("mdpy,size=128x128,fault=truncated@0-1") as (device, clock):
        answer = query(device, flags=REGION)
        assert region_info(device, 16).size < answer.size
        assert error_of(device.mmap, answer.size, 4096) == errno.EINVAL
        clock.advance(1)
        assert region_info(device, 16).size == answer.size


def test_a_read_only_buffer_cannot_be_mapped_and_later_ids_can() -> None:
    with simulated("gvt,size=64x64,fault=read-only@0-1") as (device, clock):
        buffer = DmaBuffer(get(device, query(device).handle))
        with pytest.raises(PermissionError), buffer.mapping():
            pass
        buffer.release()
        clock.advance(1)
        assert np.array_equal(viewed_picture(device), true_picture(device))


def test_the_mode_changes_back_and_forth() -> None:
    with simulated("gvt,size=200x100,fault=mode@1-2/2") as (device, clock):
        for width in (200, 150, 200, 150):
            assert query(device).width == width
            assert np.array_equal(viewed_picture(device), true_picture(device))
            clock.advance(1)


def test_a_device_that_went_answers_nothing_more() -> None:
    with simulated("gvt,size=64x64,fault=gone@1") as (device, clock):
        handle = query(device).handle
        assert device.present()
        clock.advance(1)
        assert not device.present()
        assert error_of(query, device) == errno.ENODEV
        assert error_of(get, device, handle) == errno.ENODEV
        assert error_of(device.ioctl, vfio.VFIO_DEVICE_GET_INFO, bytearray(24)) == errno.ENODEV
        assert error_of(device.pread, 4, 0) == errno.EIO
        assert error_of(device.pwrite, b"1234", 0) == errno.EIO
        assert error_of(device.mmap, 4096, 0) == errno.ENODEV


def test_hostile_planes_are_never_what_they_say() -> None:
    with simulated("gvt,size=64x64,fault=hostile@0-10,fps=0") as (device, clock):
        true = {"width": 64, "height": 64, "stride": 256, "size": 16384}
        seen_values = set()
        for _ in range(30):
            answer = query(device)
            seen_values.add((answer.width, answer.height, answer.stride, answer.size, answer.fourcc, answer.modifier))
            clock.advance(0.2)
        assert len(seen_values) >= 12
        clock.advance(10)
        answer = query(device)
        assert {key: getattr(answer, key) for key in true} == true


def test_a_frozen_guest_makes_no_flip_until_it_goes_on() -> None:
    with simulated("gvt,size=64x64,fps=10,cursor=off,fault=frozen@1-2") as (device, clock):
        clock.advance(1.5)
        before = query(device)
        made = device.flips_made()
        clock.advance(0.4)
        assert query(device) == before and device.flips_made() == made
        assert len(device.flips()) == made == 11, "the first picture and ten flips in the first second"
        clock.advance(0.15)
        assert len(device.flips()) == made + 1
        assert np.array_equal(viewed_picture(device), true_picture(device))


@given(st.integers(0, 40).map(lambda number: number * 62_500_000))
def test_the_next_event_of_a_frozen_guest_is_not_past(now: int) -> None:
    """A guest in a process of its own waits for it."""
    clock = Clock()
    table = Timetable(parse_spec("gvt,fps=60,cursor=off,fault=frozen@0.5-1.5"), clock, clock())
    due = table.next_event_ns(now)
    assert due is not None and due > now


@pytest.mark.parametrize("profile", ["gvt", "mdpy"])
def test_a_screen_of_one_colour_and_the_desktop_after_it(profile: str) -> None:
    with simulated(f"{profile},size=64x64,fault=one-colour@0-1") as (device, clock):
        for colours in (1, 20):
            picture = viewed_picture(device)
            assert np.array_equal(picture, true_picture(device))
            if profile == "mdpy":
                assert (len(np.unique(picture.reshape(-1, 4), axis=0)) == 1) == (colours == 1)
            clock.advance(1)


def test_no_display_is_offered_until_the_fault_ends() -> None:
    with simulated("gvt,size=64x64,fault=no-display@0-1") as (device, clock):
        poller = Poller(device, clock=clock)
        assert poller.latest().status.reason.key == "no-display"
        clock.advance(1)
        assert poller.latest().primary is not None
        poller.close()


@settings(max_examples=25)
@given(
    st.sampled_from(("gvt", "mbochs", "mdpy")),
    st.lists(st.sampled_from([each for each in FAULT_NAMES if each != "gone"]), min_size=1, max_size=3, unique=True),
    st.lists(st.floats(0.001, 0.3), min_size=1, max_size=25),
)
def test_a_viewer_gets_through_any_faults(profile: str, names: list[str], waits: list[float]) -> None:
    faults = "+".join(f"{name}@{number * 0.1:.1f}-{number * 0.1 + 0.5:.1f}/1" for number, name in enumerate(names))
    clock = Clock()
    device = open_simulated(f"{profile},size=64x65,fault={faults}", clock)
    poller = Poller(device, clock=clock)
    for wait in waits:
        frame = poller.latest()
        if frame.primary is not None:
            assert frame.primary.buffer.size >= bytes_needed(frame.primary.plane)
        clock.advance(wait)
    poller.close()


@pytest.mark.parametrize("text", ["off@0.000001-", "off@1.234567-2.345678/999999999.000001", "gone@123456789-"])
def test_the_text_of_a_fault_is_the_fault(text: str) -> None:
    (fault,) = parse_faults(text)
    assert str(fault) == text and parse_faults(str(fault)) == (fault,)


@pytest.mark.parametrize("seconds", ["0.0000001", "9" * 400, "٣"])
def test_seconds_have_as_many_digits_as_are_kept(seconds: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        parse_faults(f"off@{seconds}-")


_TIMES = st.integers(0, 40).map(lambda eighths: eighths / 8)


@given(_TIMES, _TIMES, _TIMES, st.lists(st.integers(0, 320).map(lambda number: number * 62_500_000), max_size=20))
def test_a_fault_changes_at_its_next_change_and_not_before(
    start: float, length: float, more: float, nows: list[int]
) -> None:
    """Eighths of a second are exact."""
    end = start + length + 0.125
    schedules = ((start, None, None), (start, end, None), (start, end, end + more), (start, None, start + 0.125))
    for fault in (Fault("off", *each) for each in schedules):
        for now in nows:
            change = fault.next_change_ns(now)
            until = now + 30 * 10**9 if change is None else change
            assert until > now
            between = {now + (until - 1 - now) * share // 16 for share in range(17)}
            assert len({fault.active(each) for each in between}) == 1
            if change is not None and fault.period is None and change != 0:
                assert fault.active(change) != fault.active(change - 1)
