"""The simulated GVT-g answers as the driver does, with its quirks."""

import errno
import os
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.device.edid_region import find_edid_region, read_edid
from app.device.info import SparseArea, device_info, region_info
from app.formats.fourcc import PixelFormat, fourcc_text, known_formats
from app.sim.driver.gvt import GvtDevice
from app.vfio.poller import Poller
from tests.unit.sim_tools import (
    CURSOR,
    DMABUF,
    PRIMARY,
    PROBE,
    REGION,
    contents,
    get,
    inode,
    query,
    refused,
    simulated,
    true_picture,
    viewed_picture,
)

SMALL = "gvt,size=64x64"


def test_only_dma_buf_planes_are_offered() -> None:
    with simulated(SMALL) as (device, _):
        assert query(device, flags=PROBE | DMABUF, fill=0x55).width == 0x55555555
        for flags in (0, PROBE, REGION, PROBE | REGION, DMABUF | REGION, 8 | DMABUF):
            with refused(errno.EINVAL):
                query(device, flags=flags)


def test_a_struct_that_is_too_small_is_refused() -> None:
    with simulated(SMALL) as (device, _):
        with refused(errno.EINVAL):
            query(device, argsz=59)
        assert query(device, argsz=60).width == 64
        with refused(errno.EFAULT):
            device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, bytearray(59))


def test_other_requests_are_not_known() -> None:
    with simulated(SMALL) as (device, _), refused(errno.ENOTTY):
        device.ioctl(vfio.VFIO_GROUP_GET_STATUS, bytearray(8))


def test_a_plane_that_is_off_leaves_the_struct_as_it_was() -> None:
    with simulated(f"{SMALL},fault=off@0-1") as (device, clock):
        for kind in (PRIMARY, CURSOR):
            assert query(device, kind, fill=0xAB).fourcc == 0xABABABAB
        clock.advance(1)
        assert query(device).fourcc == drm.DRM_FORMAT_XRGB8888


def test_an_overlay_is_no_plane() -> None:
    with simulated(SMALL) as (device, _), refused(errno.EINVAL):
        query(device, drm.DRM_PLANE_TYPE_OVERLAY)


def test_the_size_covers_whole_tiles_but_not_whole_pages() -> None:
    with simulated("gvt,size=100x65,modifier=Y") as (device, _):
        answer = query(device)
        assert (answer.stride, answer.size) == (512, 512 * 96)
    with simulated("gvt,size=100x65") as (device, _):
        answer = query(device)
        assert answer.size == 448 * 65
        fd = get(device, answer.handle)
        assert os.lseek(fd, 0, os.SEEK_END) == -(-answer.size // 4096) * 4096
        os.close(fd)


def test_primary_planes_have_garbage_for_a_hot_spot() -> None:
    with simulated(SMALL) as (device, _):
        assert query(device).hot[0] > 64


@pytest.mark.parametrize(("key", "hot"), [("hot=unknown", (0xFFFFFFFF, 0xFFFFFFFF)), ("hot=4x6", (4, 6))])
def test_the_cursors_hot_spot_is_unknown_until_the_guest_tells(key: str, hot: tuple[int, int]) -> None:
    with simulated(f"{SMALL},{key}") as (device, _):
        answer = query(device, CURSOR)
        assert answer.hot == hot
        assert (answer.fourcc, answer.modifier) == (drm.DRM_FORMAT_ARGB8888, drm.DRM_FORMAT_MOD_LINEAR)
        assert (answer.width, answer.height, answer.stride, answer.size) == (64, 64, 256, 16384)


def test_the_cursors_place_loses_its_sign() -> None:
    with simulated("gvt,size=640x480") as (device, clock):
        lost = 0
        for _ in range(1200):
            clock.advance(1 / 60)
            cursor = device.guest.cursor()
            answer = query(device, CURSOR)
            assert cursor is not None
            assert (answer.x, answer.y) == (abs(cursor.x), abs(cursor.y))
            lost += cursor.x < 0 or cursor.y < 0
        assert lost, "the pointer never came to the left or upper edge"


def test_ids_are_the_lowest_free_and_come_again() -> None:
    with simulated(f"{SMALL},cursor=on") as (device, clock):
        first = query(device).handle
        fd = get(device, first)
        assert (first, query(device, CURSOR).handle) == (1, 2)
        clock.advance(1 / 60)
        assert query(device).handle == 3
        # No query of id 1 came after its fetch: the object goes with the dma-buf.
        os.close(fd)
        clock.advance(1 / 60)
        assert query(device).handle == 1


def test_a_query_pins_its_buffer_until_the_next_fetch() -> None:
    with simulated(f"{SMALL},cursor=off") as (device, clock):
        fd = get(device, query(device).handle)
        query(device)
        os.close(fd)
        clock.advance(1 / 60)
        assert query(device).handle == 2
        assert device.objects == 2
        os.close(get(device, 1))
        assert device.objects == 1


def test_a_queried_object_outlives_its_framebuffer() -> None:
    """The object holds an address, not the guest's memory: it stays after the guest freed the framebuffer."""
    with simulated(f"{SMALL},cursor=off,fps=0") as (device, _):
        assert isinstance(device, GvtDevice)
        size = query(device).size
        device.guest.plug((128, 64))
        assert query(device).handle == 2
        assert device.references() == {1: 1, 2: 1}
        fds = [get(device, 1), get(device, 1)]
        assert device.references() == {1: 2, 2: 1}
        assert device.query_references() == {2}
        for fd in fds:
            assert contents(fd) == bytes(size)
            os.close(fd)
        assert device.references() == {2: 1}


def test_an_id_is_good_while_a_mapping_is_left() -> None:
    with simulated(f"{SMALL},cursor=off,fps=0") as (device, _):
        fd = get(device, query(device).handle)
        duplicate = os.dup(fd)
        os.close(fd)
        assert device.objects == 1
        os.close(duplicate)
        assert device.objects == 0
        with refused(errno.EINVAL):
            get(device, 1)


def test_a_guest_with_one_buffer_tells_when_it_drew_last_although_the_frame_stays() -> None:
    with simulated(f"{SMALL},buffers=1,fps=10,cursor=off") as (device, clock):
        poller = Poller(device, clock=clock)
        frame = poller.latest()
        opened = device.frame_flip_ns(frame)
        assert opened is not None
        for tenths, lost in ((1, 0), (2, 1), (3, 3)):
            clock.advance(tenths / 10 + 0.01)
            assert poller.latest() is frame
            flip = device.frame_flip_ns(frame)
            assert flip is not None and clock() - 100_000_000 < flip <= clock()
            assert device.flips_lost() == lost
        poller.release_buffers()


def test_each_fetch_makes_another_dma_buf_of_the_same_pixels() -> None:
    with simulated(f"{SMALL},buffers=1") as (device, clock):
        handle = query(device).handle
        fds = [get(device, handle) for _ in range(3)]
        assert len({inode(fd) for fd in fds}) == 3
        before = contents(fds[0])
        clock.advance(0.5)
        query(device)
        after = {contents(fd) for fd in fds}
        assert len(after) == 1
        assert before not in after
        for fd in fds:
            os.close(fd)


def test_fds_outlive_the_device() -> None:
    with simulated(SMALL) as (device, _):
        fd = get(device, query(device).handle)
        device.close()
        device.close()
        assert any(contents(fd))
        assert not os.get_inheritable(fd)
        os.close(fd)
        with refused(errno.EBADF):
            query(device)


@pytest.mark.parametrize("modifier", ["LINEAR", "X", "Y", "Yf", "4"])
@pytest.mark.parametrize("known", known_formats(), ids=lambda known: known.name)
def test_what_a_viewer_reads_is_what_the_guest_means(known: PixelFormat, modifier: str) -> None:
    if known.bytes_per_pixel == 3:
        # Nothing tiles three bytes a pixel.
        modifier = "LINEAR"
    name = fourcc_text(known.fourcc)
    with simulated(f"gvt,format={name},modifier={modifier},size=333x131,cursor=off") as (device, clock):
        for _ in range(5):
            assert np.array_equal(viewed_picture(device), true_picture(device))
            query(device)
            clock.advance(0.017)


@pytest.mark.parametrize("stride", [333 * 4, 333 * 4 + 1, 1999])
def test_planes_with_odd_strides_have_the_right_pixels(stride: int) -> None:
    with simulated(f"gvt,size=333x131,stride={stride}") as (device, clock):
        clock.advance(0.1)
        assert query(device).stride == stride
        assert np.array_equal(viewed_picture(device), true_picture(device))


def test_regions_have_capabilities() -> None:
    with simulated(SMALL) as (device, _):
        assert device_info(device).num_regions == vfio.VFIO_PCI_NUM_REGIONS + 2
        aperture = region_info(device, vfio.VFIO_PCI_BAR2_REGION_INDEX)
        assert aperture.sparse == (SparseArea(64 << 20, 64 << 20),)
        assert region_info(device, 9).type == (1 << 31 | 0x8086, 1)
        with refused(errno.EINVAL):
            region_info(device, 11)


def test_a_short_argsz_is_raised_and_the_chain_left_out() -> None:
    with simulated(SMALL) as (device, _):
        buffer = bytearray(vfio.vfio_region_info(argsz=32, index=10))
        device.ioctl(vfio.VFIO_DEVICE_GET_REGION_INFO, buffer)
        info = vfio.vfio_region_info.from_buffer_copy(buffer)
        assert (info.argsz, info.cap_offset) == (48, 0)
        assert info.flags & vfio.VFIO_REGION_INFO_FLAG_CAPS


def test_the_edid_names_the_mode_and_takes_a_new_one() -> None:
    with simulated("gvt,size=1280x800") as (device, _):
        region = find_edid_region(device)
        assert region is not None
        # The region says 128 bytes while the blob is at 2048.
        assert region.size == 128
        edid = read_edid(device, region)
        assert (edid.max_xres, edid.max_yres, edid.link_up) == (1920, 1200, None)
        assert edid.blob[56] | edid.blob[58] >> 4 << 8 == 1280
        link, size, blob = region.offset + 20, region.offset + 8, region.offset + 2048
        device.pwrite((2).to_bytes(4, "little"), link)
        device.pwrite((128).to_bytes(4, "little"), size)
        device.pwrite(edid.blob, blob)
        device.pwrite((1).to_bytes(4, "little"), link)
        assert read_edid(device, region).link_up is True
        device.pwrite(b"\xff", blob + 127)
        for data, offset in ((1, link), (129, size), (0, region.offset), (7, link)):
            with refused(errno.EFAULT):
                device.pwrite(data.to_bytes(4, "little"), offset)
        with refused(errno.EFAULT):
            device.pwrite(b"\1", link)


@dataclass
class Model:
    """The objects of GVT-g: for each id whether a query holds a reference, and how many dma-bufs are open."""

    pinned: dict[int, bool] = field(default_factory=dict)
    open: dict[int, int] = field(default_factory=dict)
    fds: list[tuple[int, int]] = field(default_factory=list)

    def free(self) -> None:
        for number in [each for each in self.pinned if not self.pinned[each] and not self.open[each]]:
            del self.pinned[number], self.open[number]


steps = st.lists(
    st.tuples(st.sampled_from(["query", "cursor", "get", "get-any", "close", "flip"]), st.integers(0, 12)),
    max_size=40,
)


@settings(max_examples=60)
@given(steps)
def test_no_order_of_requests_upsets_the_ids(todo: list[tuple[str, int]]) -> None:
    with simulated("gvt,size=64x64,buffers=3,fps=1") as (device, clock):
        model = Model()
        owner: dict[int, tuple[int, int]] = {}
        flip = 0
        for step, number in todo:
            if step in ("query", "cursor"):
                kind = PRIMARY if step == "query" else CURSOR
                handle = query(device, kind).handle
                buffer = (kind, flip % 3 if kind == PRIMARY else 0)
                known = [each for each in model.pinned if owner[each] == buffer]
                lowest = next(each for each in range(1, 99) if each not in model.pinned)
                assert handle == (known[0] if known else lowest)
                owner[handle] = buffer
                model.pinned[handle] = True
                model.open.setdefault(handle, 0)
            elif step in ("get", "get-any"):
                handle = number if step == "get-any" else next(iter(model.pinned), 0)
                if handle not in model.pinned:
                    with refused(errno.EINVAL):
                        get(device, handle)
                    continue
                model.fds.append((handle, get(device, handle)))
                model.open[handle] += 1
                model.pinned[handle] = False
            elif step == "close" and model.fds:
                handle, fd = model.fds.pop(number % len(model.fds))
                os.close(fd)
                model.open[handle] -= 1
            elif step == "flip":
                flip += 1
                clock.advance(1)
            model.free()
            assert isinstance(device, GvtDevice)
            assert device.references() == {each: pinned + model.open[each] for each, pinned in model.pinned.items()}
            assert device.query_references() == {each for each, pinned in model.pinned.items() if pinned}
            assert device.objects == len(model.pinned)
        for _, fd in model.fds:
            os.close(fd)


def test_a_buffer_that_is_fetched_and_closed_again_and_again_is_counted_once() -> None:
    with simulated(f"{SMALL},cursor=off,fps=0") as (device, _clock):
        assert isinstance(device, GvtDevice)
        for _ in range(20):
            held = get(device, query(device).handle)
            # This query keeps the buffer's object while nobody holds an export.
            query(device)
            os.close(held)
        held = get(device, query(device).handle)
        assert list(device.references().values()) == [1]
        os.close(held)
        assert device.references() == {}
