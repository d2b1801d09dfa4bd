"""Mapping a display region, also with absurd sizes and offsets."""

import contextlib
import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planes.status import Reason
from app.vfio.poller import Poller
from app.vfio.region_cache import RegionCache
from tests.unit.app.planes.test_check import plane
from tests.unit.scripted import ScriptedRegionDevice, plane_answer

u64 = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 4096, 2**63, 2**64 - 1])


@given(u64, u64)
def test_an_absurd_region_is_an_os_error(size: int, offset: int) -> None:
    regions = RegionCache(ScriptedRegionDevice(region_size=size, region_offset=offset))
    with contextlib.suppress(OSError):
        regions.get(plane(0x34325258, 0, 64, 16, 256))
    regions.release()


def test_only_what_the_plane_covers_is_mapped() -> None:
    """mdpy rounds its region up to a power of two."""
    regions = RegionCache(ScriptedRegionDevice(region_size=1 << 23))
    assert regions.get(plane(0x34325258, 0, 64, 17, 256)).size == 8192
    regions.release()


def test_a_region_without_memory_is_a_state_not_a_crash() -> None:
    poller = Poller(ScriptedRegionDevice(region_size=0, primary=lambda: plane_answer(handle=16)))
    frame = poller.latest()
    assert frame.status.reason is Reason.FETCH_FAILED
    assert errno.errorcode[errno.EIO] in frame.status.detail
    poller.close()


@pytest.mark.parametrize("size", [1024, 4096])
def test_a_region_smaller_than_its_plane_is_truncated(size: int) -> None:
    device = ScriptedRegionDevice(region_size=size, primary=lambda: plane_answer(height=64, handle=16))
    now = [0]
    poller = Poller(device, clock=lambda: now[0])
    frame = poller.latest()
    assert frame.status.reason is Reason.BUFFER_TRUNCATED
    now[0] += 1_000_000_000
    assert poller.latest() is frame, "the retry found the same"
    poller.close()
