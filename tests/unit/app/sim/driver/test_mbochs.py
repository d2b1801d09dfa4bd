"""The simulated mbochs answers as the driver does: the one of the kernel, and the changed mbochs_rw."""

import errno
import mmap
import os

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.device.edid_region import find_edid_region, read_edid
from app.edid.make import make_edid
from app.edid.mode import Mode
from app.sim.driver.device import SimulatedDevice, SimulatedKernelCorruption
from tests.unit.sim_tools import (
    CURSOR,
    DMABUF,
    PROBE,
    REGION,
    Answer,
    get,
    inode,
    query,
    refused,
    simulated,
    true_picture,
    viewed_picture,
)

SMALL = "mbochs,size=100x65"


def second_query(device: SimulatedDevice) -> Answer:
    with refused(errno.ENOMEM):
        query(device)
    return query(device)


def test_the_first_query_of_each_mode_has_no_memory() -> None:
    with simulated(f"{SMALL},fault=mode@1-2") as (device, clock):
        first = second_query(device)
        clock.advance(1)
        assert second_query(device).handle == first.handle + 1
        clock.advance(1)
        assert query(device).handle == first.handle


def test_the_size_is_not_rounded() -> None:
    with simulated(SMALL) as (device, _):
        answer = second_query(device)
        assert (answer.stride, answer.size, answer.modifier) == (400, 400 * 65, drm.DRM_FORMAT_MOD_LINEAR)
        fd = get(device, answer.handle)
        assert os.lseek(fd, 0, os.SEEK_END) == answer.size
        os.close(fd)


def test_a_cursor_query_succeeds_with_zeros() -> None:
    with simulated(SMALL) as (device, _):
        answer = query(device, CURSOR, fill=0xAB)
        assert (answer.fourcc, answer.size, answer.hot, answer.handle) == (0, 0, (0, 0), 0)


def test_only_dma_bufs_are_offered() -> None:
    with simulated(SMALL) as (device, _):
        query(device, flags=PROBE | DMABUF)
        for flags in (REGION, PROBE | REGION, 0):
            with refused(errno.EINVAL):
                query(device, flags=flags)


def test_an_unknown_id_does_not_exist() -> None:
    with simulated(SMALL) as (device, _), refused(errno.ENOENT):
        get(device, 1)


@pytest.mark.parametrize("module", ["mbochs", "mbochs_rw"])
def test_framebuffer_that_does_not_start_on_a_page_is_not_exported(module: str) -> None:
    """A query tells it like any other; when the guest sets an aligned one, that has another id."""
    with simulated(f"{SMALL},module={module},fault=unaligned@0-1") as (device, clock):
        unaligned = second_query(device)
        assert (unaligned.size, unaligned.stride) == (400 * 65, 400)
        for _ in range(2):
            with refused(errno.EINVAL):
                get(device, unaligned.handle)
        clock.advance(1)
        aligned = second_query(device)
        assert aligned.handle != unaligned.handle
        os.close(get(device, aligned.handle))
        with refused(errno.EINVAL):
            get(device, unaligned.handle)


def test_as_shipped_a_second_fetch_is_a_bug_of_the_program() -> None:
    with simulated(f"{SMALL},module=mbochs") as (device, _):
        assert device.vgpu.module == "mbochs"
        handle = second_query(device).handle
        os.close(get(device, handle))
        with pytest.raises(SimulatedKernelCorruption):
            get(device, handle)


def test_as_shipped_the_cpu_cannot_map_the_export() -> None:
    with simulated(f"{SMALL},module=mbochs") as (device, _):
        fd = get(device, second_query(device).handle)
        for protection in (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE):
            with pytest.raises(PermissionError):
                mmap.mmap(fd, 4096, prot=protection)
        os.close(fd)


def test_mbochs_rw_exports_the_same_dma_buf_each_time() -> None:
    with simulated(SMALL) as (device, _):
        handle = second_query(device).handle
        fds = [get(device, handle), get(device, handle)]
        assert inode(fds[0]) == inode(fds[1])
        for fd in fds:
            os.close(fd)
        os.close(get(device, handle))
        assert device.objects == 1


def test_the_guest_draws_into_what_is_on_screen() -> None:
    with simulated(SMALL) as (device, clock):
        handle = second_query(device).handle
        first = viewed_picture(device)
        clock.advance(1 / 60)
        assert query(device).handle == handle
        assert np.array_equal(viewed_picture(device), true_picture(device))
        assert not np.array_equal(viewed_picture(device), first)


def test_an_argsz_beyond_its_struct_is_refused() -> None:
    with simulated(SMALL) as (device, _):
        for argsz, accepted in ((31, False), (32, True), (48, True), (49, False)):
            buffer = bytearray(vfio.vfio_region_info(argsz=argsz, index=9)).ljust(64, b"\0")
            if accepted:
                device.ioctl(vfio.VFIO_DEVICE_GET_REGION_INFO, buffer)
                info = vfio.vfio_region_info.from_buffer_copy(buffer)
                assert (info.argsz, info.cap_offset) == (48, 32)
                continue
            with refused(errno.EINVAL):
                device.ioctl(vfio.VFIO_DEVICE_GET_REGION_INFO, buffer)


def test_the_edid_region_takes_anything() -> None:
    with simulated(SMALL) as (device, _):
        region = find_edid_region(device)
        assert region is not None
        edid = read_edid(device, region)
        assert (edid.max_size, edid.max_xres, edid.blob) == (1024, None, b"")
        device.pwrite((4).to_bytes(4, "little"), region.offset + 8)
        device.pwrite(b"abcd", region.offset + 0x800)
        device.pwrite(b"\xff\xff\xff\xff", region.offset)
        assert read_edid(device, region).blob == b"abcd"


def test_a_guest_without_a_screen_is_off_and_one_with_an_invalid_edid_keeps_its_mode() -> None:
    with simulated("mbochs,size=640x480") as (device, _):
        region = find_edid_region(device)
        assert region is not None
        link, size, blob = region.offset + 20, region.offset + 8, region.offset + 2048
        assert second_query(device).width == 640
        device.pwrite((2).to_bytes(4, "little"), link)
        assert query(device).fourcc == 0
        for invalid in (b"", bytes(128), bytes(range(128)), make_edid(Mode(16384, 64))):
            device.pwrite(len(invalid).to_bytes(4, "little"), size)
            device.pwrite(invalid, blob)
            device.pwrite((1).to_bytes(4, "little"), link)
            assert query(device).width == 640
