"""Device info and region info of a VFIO device, with the capability chain."""

import ctypes
from dataclasses import dataclass

from app.abi import vfio
from app.device.seam import Device

# No driver's answer has more than a few hundred bytes. A larger size is an error of the driver.
_MAX_ARGSZ = 64 * 1024
# At most this many regions are read. Drivers have only a few more than the fixed PCI regions.
_MAX_REGIONS = 64


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """VFIO_DEVICE_GET_INFO. The index of a display region may be ``num_regions`` or more (16 in mdpy)."""

    flags: int
    num_regions: int
    num_irqs: int

    @property
    def region_indices(self) -> range:
        """The indices of the regions to read."""
        return range(min(self.num_regions, _MAX_REGIONS))


@dataclass(frozen=True, slots=True)
class SparseArea:
    """A part of a region that can be mapped. Both values are in bytes; ``offset`` counts from the region's start."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """VFIO_DEVICE_GET_REGION_INFO. ``offset`` is in the device file; ``type`` is (type, subtype) or None.

    ``sparse`` is None without the capability, and an empty tuple if the capability lists no area.
    """

    index: int
    flags: int
    size: int
    offset: int
    sparse: tuple[SparseArea, ...] | None = None
    type: tuple[int, int] | None = None

    @property
    def mappable(self) -> bool:
        return bool(self.flags & vfio.VFIO_REGION_INFO_FLAG_MMAP)


def device_info(device: Device) -> DeviceInfo:
    """Get the info of the device. Raises the driver's OSError."""
    info = vfio.vfio_device_info(argsz=ctypes.sizeof(vfio.vfio_device_info))
    answer = bytearray(info)
    device.ioctl(vfio.VFIO_DEVICE_GET_INFO, answer)
    info = vfio.vfio_device_info.from_buffer_copy(answer)
    return DeviceInfo(info.flags, info.num_regions, info.num_irqs)


def region_info(device: Device, index: int) -> RegionInfo:
    """Get the info of one region, with a second request if its capabilities need a larger buffer.

    The first request has exactly the size of the fixed part: mbochs up to Linux 6.12 refuses an argsz outside 32..48.
    Raises the driver's OSError.
    """
    fixed = ctypes.sizeof(vfio.vfio_region_info)
    answer = _query_region(device, index, fixed)
    info = vfio.vfio_region_info.from_buffer_copy(answer)
    if fixed < info.argsz <= _MAX_ARGSZ:
        answer = _query_region(device, index, info.argsz)
        info = vfio.vfio_region_info.from_buffer_copy(answer)
    sparse, kind = None, None
    if info.flags & vfio.VFIO_REGION_INFO_FLAG_CAPS:
        sparse, kind = _capabilities(bytes(answer), info.cap_offset)
    return RegionInfo(index, info.flags, info.size, info.offset, sparse, kind)


def _query_region(device: Device, index: int, argsz: int) -> bytearray:
    head = vfio.vfio_region_info(argsz=argsz, index=index)
    answer = bytearray(argsz)
    answer[: ctypes.sizeof(head)] = bytes(head)
    device.ioctl(vfio.VFIO_DEVICE_GET_REGION_INFO, answer)
    return answer


def _capabilities(answer: bytes, offset: int) -> tuple[tuple[SparseArea, ...] | None, tuple[int, int] | None]:
    """Read the chain. It ends at an offset that does not grow, because a chain might point back to itself."""
    sparse: tuple[SparseArea, ...] | None = None
    kind: tuple[int, int] | None = None
    last = ctypes.sizeof(vfio.vfio_region_info) - 1
    while last < offset <= len(answer) - ctypes.sizeof(vfio.vfio_info_cap_header):
        last = offset
        header = vfio.vfio_info_cap_header.from_buffer_copy(answer, offset)
        if header.id == vfio.VFIO_REGION_INFO_CAP_SPARSE_MMAP:
            sparse = _sparse_areas(answer, offset)
        elif header.id == vfio.VFIO_REGION_INFO_CAP_TYPE and offset <= len(answer) - ctypes.sizeof(
            vfio.vfio_region_info_cap_type
        ):
            typed = vfio.vfio_region_info_cap_type.from_buffer_copy(answer, offset)
            kind = (typed.type, typed.subtype)
        offset = header.next
    return sparse, kind


def _sparse_areas(answer: bytes, offset: int) -> tuple[SparseArea, ...]:
    start = offset + ctypes.sizeof(vfio.vfio_region_info_cap_sparse_mmap)
    if start > len(answer):
        return ()
    count = vfio.vfio_region_info_cap_sparse_mmap.from_buffer_copy(answer, offset).nr_areas
    step = ctypes.sizeof(vfio.vfio_region_sparse_mmap_area)
    count = min(count, (len(answer) - start) // step)
    areas = (vfio.vfio_region_sparse_mmap_area.from_buffer_copy(answer, start + step * each) for each in range(count))
    return tuple(SparseArea(area.offset, area.size) for area in areas)
