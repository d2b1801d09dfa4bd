"""The regions of a simulated device, and the answer to VFIO_DEVICE_GET_REGION_INFO."""

import ctypes
import errno
from dataclasses import dataclass

from app.abi import vfio

READ_WRITE = vfio.VFIO_REGION_INFO_FLAG_READ | vfio.VFIO_REGION_INFO_FLAG_WRITE

_FIXED = ctypes.sizeof(vfio.vfio_region_info)


@dataclass(frozen=True, slots=True)
class Region:
    """One region. ``capabilities`` is the kernel's chain of at most one capability."""

    size: int = 0
    offset: int = 0
    flags: int = 0
    capabilities: bytes = b""


def type_capability(kind: int, subtype: int) -> bytes:
    """VFIO_REGION_INFO_CAP_TYPE."""
    header = vfio.vfio_info_cap_header(vfio.VFIO_REGION_INFO_CAP_TYPE, 1, 0)
    return bytes(vfio.vfio_region_info_cap_type(header, kind, subtype))


def sparse_capability(offset: int, size: int) -> bytes:
    """VFIO_REGION_INFO_CAP_SPARSE_MMAP with one area."""
    header = vfio.vfio_info_cap_header(vfio.VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0)
    return bytes(vfio.vfio_region_info_cap_sparse_mmap(header, 1, 0)) + bytes(
        vfio.vfio_region_sparse_mmap_area(offset, size)
    )


def requested(buffer: bytearray) -> vfio.vfio_region_info:
    """The request. Raises OSError: EFAULT for a buffer that is too short, EINVAL for an argsz that is too small."""
    if len(buffer) < _FIXED:
        raise OSError(errno.EFAULT, "buffer too short")
    info = vfio.vfio_region_info.from_buffer_copy(buffer)
    if info.argsz < _FIXED:
        raise OSError(errno.EINVAL, "argsz too small")
    return info


def answer(buffer: bytearray, info: vfio.vfio_region_info, region: Region) -> None:
    """Write ``region`` into ``buffer`` like the VFIO core. If it does not fit: a larger argsz and cap_offset 0."""
    info.size, info.offset, info.flags = region.size, region.offset, region.flags
    if region.capabilities:
        needed = _FIXED + len(region.capabilities)
        info.flags |= vfio.VFIO_REGION_INFO_FLAG_CAPS
        if info.argsz < needed:
            info.argsz, info.cap_offset = needed, 0
        else:
            if len(buffer) < needed:
                raise OSError(errno.EFAULT, "buffer shorter than its argsz")
            info.cap_offset = _FIXED
            buffer[_FIXED:needed] = region.capabilities
    buffer[:_FIXED] = bytes(info)
