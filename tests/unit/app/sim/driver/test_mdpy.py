"""The simulated mdpy answers as the driver does: a picture in a region."""

import errno

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.device.info import device_info, region_info
from tests.unit.sim_tools import (
    CURSOR,
    DMABUF,
    PROBE,
    REGION,
    get,
    query,
    refused,
    simulated,
    true_picture,
    viewed_picture,
)

SMALL = "mdpy,size=100x65"


def test_the_display_region_is_not_among_those_that_get_info_counts() -> None:
    with simulated(SMALL) as (device, _):
        assert device_info(device).num_regions == 9
        assert query(device, flags=REGION).handle == 16
        info = region_info(device, 16)
        assert info.mappable
        assert region_info(device, 0) == type(info)(0, info.flags, info.size, info.offset)
        with pytest.raises(OSError):
            region_info(device, 15)


def test_the_size_is_a_power_of_two() -> None:
    with simulated(SMALL) as (device, _):
        answer = query(device, flags=REGION)
        assert (answer.stride, answer.height, answer.size) == (400, 65, 32768)
        assert region_info(device, 16).size == 32768


def test_a_cursor_query_gets_the_primary_plane() -> None:
    with simulated(SMALL) as (device, _):
        assert query(device, CURSOR, REGION) == query(device, flags=REGION)
        assert query(device, CURSOR, REGION).fourcc == drm.DRM_FORMAT_XRGB8888


def test_only_regions_are_offered_and_there_is_nothing_to_fetch() -> None:
    with simulated(SMALL) as (device, _):
        query(device, flags=PROBE | REGION)
        with refused(errno.EINVAL):
            query(device, flags=DMABUF)
        with refused(errno.ENOTTY):
            get(device, 1)


def test_a_mapping_shows_the_picture_live_and_cannot_be_written() -> None:
    with simulated(SMALL) as (device, clock):
        info = region_info(device, 16)
        with device.mmap(info.size, info.offset) as mapping:
            before = mapping[:]
            clock.advance(0.5)
            query(device, flags=REGION)
            assert mapping[:] != before
            with pytest.raises(TypeError):
                mapping[0] = 1
        assert np.array_equal(viewed_picture(device), true_picture(device))


def test_only_the_region_can_be_mapped() -> None:
    with simulated(SMALL) as (device, _):
        for length, offset in ((4096, 0), (65536, 4096), (4096, 8192)):
            with refused(errno.EINVAL):
                device.mmap(length, offset)


def test_reading_the_memory_gives_its_start_wherever_one_reads() -> None:
    with simulated(SMALL) as (device, _):
        assert device.pread(4, 4096) == device.pread(4, 4096 + 400 * 30)
        config = region_info(device, vfio.VFIO_PCI_CONFIG_REGION_INDEX)
        assert device.pread(4, config.offset) == bytes.fromhex("361b0f00")


def test_a_mode_switch_stays_in_the_same_memory() -> None:
    with simulated(f"{SMALL},fault=mode@1-2") as (device, clock):
        info = region_info(device, 16)
        with device.mmap(info.size, info.offset) as mapping:
            query(device, flags=REGION)
            for width in (75, 100):
                clock.advance(1)
                before = mapping[:]
                assert query(device, flags=REGION).width == width
                assert mapping[:] != before
                assert np.array_equal(viewed_picture(device), true_picture(device))


def test_without_memory_for_the_picture_the_calls_fail_as_a_drivers_would(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise MemoryError

    with simulated(SMALL) as (device, _):
        offset = region_info(device, 16).offset
        monkeypatch.setattr(device.guest, "primary", refuse)
        with refused(errno.ENOMEM):
            query(device, flags=REGION)
        with refused(errno.ENOMEM):
            device.mmap(4096, offset)
