"""Another EDID for a device: in the right order, and the link is never left down."""

import errno
import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.device.edid_writer import EdidWriter
from app.device.info import RegionInfo
from app.device.seam import Device
from app.edid.make import make_edid
from app.edid.mode import Limits, Mode
from tests.unit.sim_tools import Clock, query, simulated

MS = 1_000_000
WANTED = make_edid(Mode(640, 400), Limits(max_size=128))
DOWN, UP = (2).to_bytes(4, "little"), (1).to_bytes(4, "little")


@dataclass
class RecordingDevice:
    """A device that records what is written, relative to its EDID region. The calls in ``failing`` fail."""

    device: Device
    region: RegionInfo
    failing: set[int] = field(default_factory=set)
    short: bool = False
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    calls: int = 0

    def ioctl(self, request: int, buffer: bytearray) -> int:
        return self.device.ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        self._count()
        return self.device.pread(length, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        self._count()
        self.writes.append((offset - self.region.offset, data))
        return self.device.pwrite(data[:40] if self.short else data, offset)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        raise AssertionError("nothing of this region is mapped")

    def duplicate(self) -> int:
        raise AssertionError("the writer itself passes the device to nobody")

    def close(self) -> None:
        self.device.close()

    def _count(self) -> None:
        self.calls += 1
        if self.calls in self.failing:
            raise OSError(errno.EFAULT, "refused")

    def state(self) -> EdidRegion:
        return read_edid(self.device, self.region)


@contextmanager
def recording_device(spec: str = "gvt,size=800x600") -> Iterator[tuple[RecordingDevice, Clock]]:
    with simulated(spec) as (device, clock):
        region = find_edid_region(device)
        assert region is not None
        yield RecordingDevice(device, region), clock


@pytest.mark.parametrize("spec", ["gvt,size=800x600", "mbochs,size=800x600"])
def test_the_order_is_down_size_blob_and_up_after_100_ms(spec: str) -> None:
    with recording_device(spec) as (device, clock):
        writer = EdidWriter(device, device.region, WANTED, clock)
        assert writer.step() == 100 * MS
        assert device.state().link_up is False
        assert [at for at, _ in device.writes] == [20, 8, 2048]
        assert device.writes[0][1] == DOWN and device.writes[1][1] == (128).to_bytes(4, "little")
        clock.advance(0.099)
        assert writer.step() == MS
        assert device.state().link_up is False
        clock.advance(0.001)
        assert writer.step() is None
        assert device.writes[-1] == (20, UP)
        assert (device.state().link_up, device.state().blob) == (True, WANTED)
        assert (writer.step(), len(device.writes)) == (None, 4)
        writer.close()
        assert len(device.writes) == 4


def test_the_guest_goes_off_and_comes_back_in_the_preferred_mode() -> None:
    with recording_device("gvt,size=800x600,format=YUYV") as (device, clock):
        writer = EdidWriter(device, device.region, WANTED, clock)
        assert query(device.device).width == 800
        writer.step()
        assert query(device.device).fourcc == 0
        clock.advance(0.2)
        writer.step()
        got = query(device.device)
        assert (got.width, got.height) == (640, 400)


def test_a_driver_that_takes_less_at_a_time_gets_the_rest() -> None:
    with recording_device() as (device, clock):
        device.short = True
        EdidWriter(device, device.region, WANTED, clock).step()
        assert [at for at, _ in device.writes[2:]] == [2048, 2088, 2128, 2168]
        assert device.state().blob == WANTED


def test_closed_in_between_the_link_comes_up_at_once() -> None:
    with recording_device() as (device, clock):
        writer = EdidWriter(device, device.region, WANTED, clock)
        writer.step()
        writer.close()
        assert (device.state().link_up, device.state().blob) == (True, WANTED)
        writer.close()
        assert (writer.step(), len(device.writes)) == (None, 4)


def test_closed_after_the_device_went_nothing_is_raised() -> None:
    with recording_device() as (device, clock):
        writer = EdidWriter(device, device.region, WANTED, clock)
        writer.step()
        device.device.close()
        writer.close()


@given(st.integers(1, 25), st.booleans())
def test_one_failure_anywhere_leaves_the_link_up_with_an_edid(at: int, closed: bool) -> None:
    with recording_device() as (device, clock):
        before = device.state().blob
        device.failing = {at}
        writer = EdidWriter(device, device.region, WANTED, clock)
        failed = False
        try:
            writer.step()
            clock.advance(0.1)
            if closed:
                writer.close()
            else:
                writer.step()
        except OSError as error:
            assert error.errno == errno.EFAULT
            failed = True
        state = device.state()
        if not device.writes:
            # Nothing had begun: the state is the driver's own.
            assert (failed, state.blob, state.link_up) == (True, before, None)
        else:
            assert state.link_up is True
            assert state.blob == (before if failed or (closed and at <= device.calls) else WANTED)
        # Whatever happened, the old EDID, the new one, and only those two registers.
        for offset, data in device.writes:
            assert (offset in (8, 20) and len(data) == 4) or (offset == 2048 and data in (before, WANTED))
        writer.close()


@given(st.sets(st.integers(1, 30)))
def test_an_error_is_always_an_oserror_and_the_last_step(failing: set[int]) -> None:
    with recording_device() as (device, clock):
        device.failing = failing
        writer = EdidWriter(device, device.region, WANTED, clock)
        try:
            writer.step()
            clock.advance(0.1)
            writer.step()
        except OSError:
            calls = device.calls
            assert writer.step() is None
            writer.close()
            assert device.calls == calls


def test_what_the_device_refuses_brings_the_old_edid_back() -> None:
    with recording_device() as (device, clock):
        before = device.state().blob
        broken = bytearray(WANTED)
        broken[127] ^= 1
        writer = EdidWriter(device, device.region, bytes(broken), clock)
        writer.step()
        clock.advance(0.1)
        with pytest.raises(OSError, match="refused") as caught:
            writer.step()
        assert caught.value.errno == errno.EFAULT
        assert (device.state().link_up, device.state().blob) == (True, before)
        assert query(device.device).width == 800


def test_an_edid_the_device_has_no_room_for_is_not_begun() -> None:
    with recording_device() as (device, clock):
        writer = EdidWriter(device, device.region, bytes(256), clock)
        with pytest.raises(OSError, match="256 bytes") as caught:
            writer.step()
        assert (caught.value.errno, device.writes) == (errno.EFBIG, [])


def test_a_guest_that_follows_for_hours_keeps_no_framebuffer_of_its_past() -> None:
    with recording_device("gvt,size=800x600,fps=0") as (device, clock):
        guest = device.device.guest  # type: ignore[attr-defined]
        for width in range(320, 640, 8):
            blob = make_edid(Mode(width, 240), Limits(max_size=128))
            writer = EdidWriter(device, device.region, blob, clock)
            writer.step()
            clock.advance(0.1)
            writer.step()
            assert query(device.device).width == width
        assert len(guest._screens) + len(guest._retired) <= 2
        with suppress(OSError):
            writer.close()
