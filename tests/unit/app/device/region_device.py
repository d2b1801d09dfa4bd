"""A device with regions whose capabilities a test chooses."""

import ctypes
import errno
from dataclasses import dataclass

from app.abi import vfio
from tests.unit.scripted import ScriptedDevice

HEAD = ctypes.sizeof(vfio.vfio_region_info)


@dataclass
class RegionDevice(ScriptedDevice):
    """Answers GET_REGION_INFO as drivers do: too small a buffer succeeds with argsz raised and no offset."""

    chain: bytes = b""
    offset: int = HEAD
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
            if head.argsz < HEAD + len(self.chain):
                head.argsz, head.cap_offset = HEAD + len(self.chain), 0
            else:
                head.cap_offset = self.offset
                del head
                buffer[HEAD : HEAD + len(self.chain)] = self.chain
        return 0


def type_capability(kind: int, subtype: int, following: int = 0) -> bytes:
    header = vfio.vfio_info_cap_header(vfio.VFIO_REGION_INFO_CAP_TYPE, 1, following)
    return bytes(vfio.vfio_region_info_cap_type(header, kind, subtype))


def sparse_capability(*areas: tuple[int, int], count: int | None = None) -> bytes:
    header = vfio.vfio_info_cap_header(vfio.VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0)
    head = vfio.vfio_region_info_cap_sparse_mmap(header, len(areas) if count is None else count, 0)
    return bytes(head) + b"".join(bytes(vfio.vfio_region_sparse_mmap_area(*area)) for area in areas)
