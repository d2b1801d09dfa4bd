"""A file in memory that stands in for a device with an EDID region: what is written can be seen from any process."""

import ctypes
import errno
import os

from app.abi import vfio
from app.device.seam import FdDevice
from app.edid.make import make_edid
from app.edid.mode import Limits, Mode
from tests.unit.app.device.region_device import HEAD, RegionDevice, type_capability
from tests.unit.scripted import memfd

OFFSET = 1 << 20
BLOB_AT = 256
OLD = make_edid(Mode(640, 480), Limits(max_size=1024))
_LINK_AT = OFFSET + vfio.vfio_region_gfx_edid.link_state.offset
_EDID = type_capability(vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID)


class EdidFile(FdDevice):
    """The device. Region 9 is the EDID region."""

    def ioctl(self, request: int, buffer: bytearray) -> int:
        answer = RegionDevice(chain=_EDID).ioctl(request, buffer)
        if request == vfio.VFIO_DEVICE_GET_REGION_INFO:
            head = vfio.vfio_region_info.from_buffer(buffer[:HEAD])
            if head.index < vfio.VFIO_PCI_NUM_REGIONS:
                raise OSError(errno.EINVAL, "no region of this device")
            offset = vfio.vfio_region_info.offset.offset
            buffer[offset : offset + 8] = OFFSET.to_bytes(8, "little")
        return answer


def make_file() -> int:
    """The fd of a device whose link is up, with the EDID ``OLD``."""
    fd = memfd(2 * OFFSET, "edid-device")
    registers = vfio.vfio_region_gfx_edid(BLOB_AT, 1024, len(OLD), 0, 0, vfio.VFIO_DEVICE_GFX_LINK_STATE_UP)
    os.pwrite(fd, bytes(registers), OFFSET)
    os.pwrite(fd, OLD, OFFSET + BLOB_AT)
    return fd


def is_up(fd: int) -> bool:
    return os.pread(fd, 4, _LINK_AT) == vfio.VFIO_DEVICE_GFX_LINK_STATE_UP.to_bytes(4, "little")


def edid(fd: int) -> bytes:
    """The EDID that the guest reads."""
    registers = vfio.vfio_region_gfx_edid.from_buffer_copy(
        os.pread(fd, ctypes.sizeof(vfio.vfio_region_gfx_edid), OFFSET)
    )
    return os.pread(fd, registers.edid_size, OFFSET + BLOB_AT)
