"""Finds and reads the EDID region of a vGPU (include/uapi/linux/vfio.h, vfio_region_gfx_edid)."""

import errno
from dataclasses import dataclass

from app.abi import vfio
from app.device.info import RegionInfo, device_info, region_info
from app.device.seam import Device
from app.edid.mode import BLOCK, Limits

_REGISTER = 4
# The extension count of an EDID is one byte.
_MAX_EDID = 256 * BLOCK


@dataclass(frozen=True, slots=True)
class EdidRegion:
    """The contents of the region. ``max_xres`` and ``max_yres`` are None if the device has no limit.

    ``link_up`` is None for a link state that is neither up nor down. ``blob`` is the current EDID: it begins at
    ``blob_offset`` of the device file and has at most ``max_size`` bytes.
    """

    index: int
    blob_offset: int
    max_size: int
    max_xres: int | None
    max_yres: int | None
    link_up: bool | None
    blob: bytes

    @property
    def limits(self) -> Limits:
        """The limits for an EDID of this device."""
        return Limits(self.max_xres, self.max_yres, self.max_size)


def find_edid_region(device: Device) -> RegionInfo | None:
    """The region of type GFX and subtype EDID; None if there is none. Skips a region whose info cannot be read.

    Raises OSError if the device does not tell the number of its regions.
    """
    for index in device_info(device).region_indices[vfio.VFIO_PCI_NUM_REGIONS :]:
        try:
            info = region_info(device, index)
        except OSError:
            continue
        if info.type == (vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID):
            return info
    return None


def read_edid(device: Device, region: RegionInfo) -> EdidRegion:
    """Read the registers and the blob. Raises the driver's OSError, and EIO for a short read or an impossible size.

    The blob may be outside the region: GVT-g gives the region 128 bytes and puts the blob at 2048.
    """

    def register(number: int) -> int:
        data = device.pread(_REGISTER, region.offset + _REGISTER * number)
        if len(data) != _REGISTER:
            raise OSError(errno.EIO, "short read of an EDID register")
        return int.from_bytes(data, "little")

    offset, max_size, size, max_xres, max_yres, link = (register(number) for number in range(6))
    if size > min(max_size, _MAX_EDID):
        raise OSError(errno.EIO, f"the device reports an EDID of {size} bytes, its limit is {max_size}")
    blob = device.pread(size, region.offset + offset) if size else b""
    if len(blob) != size:
        raise OSError(errno.EIO, f"{len(blob)} of {size} bytes of the EDID could be read")
    link_up = {
        vfio.VFIO_DEVICE_GFX_LINK_STATE_UP: True,
        vfio.VFIO_DEVICE_GFX_LINK_STATE_DOWN: False,
    }.get(link)
    return EdidRegion(region.index, region.offset + offset, max_size, max_xres or None, max_yres or None, link_up, blob)
