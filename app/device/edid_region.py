"""The EDID region of a vGPU, reading side (include/uapi/linux/vfio.h, vfio_region_gfx_edid)."""

import errno
from dataclasses import dataclass

from app.abi import vfio
from app.device.info import RegionInfo, device_info, region_info
from app.device.seam import Device
from app.edid.mode import BLOCK, Limits

_REGISTER = 4
# The extension count of an EDID is one byte.
_MAX_EDID = 256 * BLOCK
# Regions beyond the fixed PCI ones that are asked for; no driver has more than a handful.
_MAX_REGIONS = 64


@dataclass(frozen=True, slots=True)
class EdidRegion:
    """What the region says. ``max_xres`` and ``max_yres`` are None when the device sets no limit.

    ``link_up`` is None for a link state that is neither up nor down; ``blob`` is the EDID in force, which begins at
    ``blob_offset`` of the device file.
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
        """What an EDID for this device has to keep to."""
        return Limits(self.max_xres, self.max_yres, self.max_size)


def find_edid_region(device: Device) -> RegionInfo | None:
    """The region of type GFX and subtype EDID, None without one; a region that cannot be asked is passed over.

    Raises OSError when the device does not say how many regions it has.
    """
    count = min(device_info(device).num_regions, _MAX_REGIONS)
    for index in range(vfio.VFIO_PCI_NUM_REGIONS, count):
        try:
            info = region_info(device, index)
        except OSError:
            continue
        if info.type == (vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID):
            return info
    return None


def read_edid(device: Device, region: RegionInfo) -> EdidRegion:
    """Read the registers and the blob. Raises OSError as the driver does, EIO for a short or absurd answer.

    The blob is not bounds-checked against the region: GVT-g gives the region 128 bytes and puts the blob at
    2048.
    """

    def register(number: int) -> int:
        data = device.pread(_REGISTER, region.offset + _REGISTER * number)
        if len(data) != _REGISTER:
            raise OSError(errno.EIO, "short read of an EDID register")
        return int.from_bytes(data, "little")

    offset, max_size, size, max_xres, max_yres, link = (register(number) for number in range(6))
    if size > min(max_size, _MAX_EDID):
        raise OSError(errno.EIO, f"the device says its EDID has {size} bytes of at most {max_size}")
    blob = device.pread(size, region.offset + offset) if size else b""
    if len(blob) != size:
        raise OSError(errno.EIO, f"{len(blob)} of {size} bytes of the EDID could be read")
    link_up = {
        vfio.VFIO_DEVICE_GFX_LINK_STATE_UP: True,
        vfio.VFIO_DEVICE_GFX_LINK_STATE_DOWN: False,
    }.get(link)
    return EdidRegion(region.index, region.offset + offset, max_size, max_xres or None, max_yres or None, link_up, blob)
