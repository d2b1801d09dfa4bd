"""Device and region info: the two calls for a capability chain, and broken chains."""

import ctypes
import errno
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import vfio
from app.device.edid_region import find_edid_region, read_edid
from app.device.info import RegionInfo, SparseArea, region_info
from tests.unit.scripted import ScriptedDevice

_HEAD = ctypes.sizeof(vfio.vfio_region_info)


@dataclass
class RegionDevice(ScriptedDevice):
    """Answers GET_REGION_INFO as drivers do: a small buffer is no error, but argsz grows and the offset is 0."""

    chain: bytes = b""
    offset: int = _HEAD
    refused_argsz: range = range(0)
    num_regions: int = 10

    def ioctl(self, request: int, buffer: bytearray) -> int:
        if request == vfio.VFIO_DEVICE_GET_INFO:
            info = vfio.vfio_device_info.from_buffer(buffer)
            info.num_regions = self.num_regions
            return 0
        if request != vfio.VFIO_DEVICE_GET_REGION_INFO:
            return super().ioctl(request, buffer)
        head = vfio.vfio_region_info.from_buffer(buffer)
        if head.argsz in self.refused_argsz:
            raise OSError(errno.EINVAL, "argsz")
        head.flags = vfio.VFIO_REGION_INFO_FLAG_MMAP
        head.size, head.offset = 8192, head.index << 40
        if self.chain:
            head.flags |= vfio.VFIO_REGION_INFO_FLAG_CAPS
            if head.argsz < _HEAD + len(self.chain):
                head.argsz, head.cap_offset = _HEAD + len(self.chain), 0
            else:
                head.cap_offset = self.offset
                del head
                buffer[_HEAD : _HEAD + len(self.chain)] = self.chain
        return 0


def type_capability(kind: int, subtype: int, following: int = 0) -> bytes:
    header = vfio.vfio_info_cap_header(vfio.VFIO_REGION_INFO_CAP_TYPE, 1, following)
    return bytes(vfio.vfio_region_info_cap_type(header, kind, subtype))


def sparse_capability(*areas: tuple[int, int], count: int | None = None) -> bytes:
    header = vfio.vfio_info_cap_header(vfio.VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0)
    head = vfio.vfio_region_info_cap_sparse_mmap(header, len(areas) if count is None else count, 0)
    return bytes(head) + b"".join(bytes(vfio.vfio_region_sparse_mmap_area(*area)) for area in areas)


def test_capabilities_are_read_on_the_second_call() -> None:
    first = type_capability(1, 1, following=_HEAD + 16)
    device = RegionDevice(chain=first + sparse_capability((0, 4096), (8192, 4096)))
    info = region_info(device, 9)
    assert info == RegionInfo(
        9,
        vfio.VFIO_REGION_INFO_FLAG_MMAP | vfio.VFIO_REGION_INFO_FLAG_CAPS,
        8192,
        9 << 40,
        (SparseArea(0, 4096), SparseArea(8192, 4096)),
        (1, 1),
    )


def test_the_first_question_is_one_that_mbochs_accepts() -> None:
    """Up to Linux 6.12 mbochs answers EINVAL to an argsz outside 32..48."""
    device = RegionDevice(refused_argsz=range(33, 1 << 16))
    assert region_info(device, 0).mappable


@given(st.binary(min_size=8, max_size=200), st.integers(0, 400))
def test_a_broken_chain_is_survived(chain: bytes, offset: int) -> None:
    region_info(RegionDevice(chain=chain, offset=offset), 9)


def test_a_chain_that_points_at_itself_ends() -> None:
    device = RegionDevice(chain=type_capability(1, 1, following=_HEAD))
    assert region_info(device, 9).type == (1, 1)


def test_a_count_beyond_the_answer_is_cut() -> None:
    device = RegionDevice(chain=sparse_capability((0, 4096), count=2**32 - 1))
    assert region_info(device, 9).sparse == (SparseArea(0, 4096),)


@dataclass
class EdidDevice(RegionDevice):
    registers: tuple[int, ...] = (2048, 256, 4, 0, 1200, 1)

    def pread(self, length: int, offset: int) -> bytes:
        offset -= 9 << 40
        if offset >= 2048:
            return b"\x00\xff\xff\xff"[: length - (offset - 2048)]
        assert length == 4, "registers are read as exactly four bytes"
        return self.registers[offset // 4].to_bytes(4, "little")


def test_the_edid_is_read_from_where_the_device_says_it_is() -> None:
    device = EdidDevice(chain=type_capability(vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID))
    region = find_edid_region(device)
    assert region is not None
    edid = read_edid(device, region)
    assert (edid.max_xres, edid.max_yres, edid.link_up, edid.blob) == (None, 1200, True, b"\x00\xff\xff\xff")


def test_an_absurd_edid_size_is_an_error_not_an_allocation() -> None:
    device = EdidDevice(
        chain=type_capability(vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID),
        registers=(2048, 2**32 - 1, 2**32 - 1, 0, 0, 1),
    )
    region = find_edid_region(device)
    assert region is not None
    with pytest.raises(OSError, match="EDID"):
        read_edid(device, region)


def test_an_edid_cut_short_is_an_error() -> None:
    device = EdidDevice(
        chain=type_capability(vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID),
        registers=(2048, 256, 128, 0, 0, 1),
    )
    region = find_edid_region(device)
    assert region is not None
    with pytest.raises(OSError, match="4 of 128 bytes"):
        read_edid(device, region)


def test_a_device_without_the_region_has_no_edid() -> None:
    assert find_edid_region(RegionDevice(num_regions=9)) is None
