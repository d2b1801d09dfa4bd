"""The EDID region: where it is, and what is wrong with it."""

from dataclasses import dataclass

import pytest

from app.abi import vfio
from app.device.edid_region import find_edid_region, read_edid
from tests.unit.app.device.region_device import RegionDevice, type_capability


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
