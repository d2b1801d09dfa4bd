"""mdpy as user space sees it: ``samples/vfio-mdev/mdpy.c``, Linux 6.1 to 6.12. The picture is in a region."""

import errno
import mmap as mapping
import os

from app.abi import vfio
from app.host.vgpu import Vgpu
from app.sim.config.fault import GET_ERRORS
from app.sim.config.spec import Spec
from app.sim.driver.device import PlaneInfo, SimulatedDevice
from app.sim.driver.regions import READ_WRITE, Region, answer, requested
from app.sim.guest.guest import Guest

_REGION = vfio.VFIO_GFX_PLANE_TYPE_REGION
_PROBE = vfio.VFIO_GFX_PLANE_TYPE_PROBE

_PAGE = 4096
_CONFIG_SIZE = 0xFF
_MEMORY_OFFSET = _PAGE
# This is more than the number of regions that GET_INFO returns.
_DISPLAY_INDEX = 16

_TYPES = {(640, 480): "vga", (1024, 768): "xga", (1920, 1080): "hd"}


class MdpyDevice(SimulatedDevice):
    """An mdpy device. Its guest draws into the region. It supports any size; the driver supports three."""

    exports_dma_bufs = False
    shares_memory = True

    def __init__(self, spec: Spec, guest: Guest) -> None:
        super().__init__(spec, guest)
        kind = _TYPES.get((spec.width, spec.height), "xga")
        self._region_size = self.memory_size(spec.stride * spec.height)
        self.vgpu = Vgpu(
            name=f"sim:{spec.profile}",
            type_id=f"mdpy-{kind}",
            type_name=f"mdpy-{kind}",
            parent="mdpy",
            driver="mdpy",
            module="mdpy",
            simulated=True,
        )

    @staticmethod
    def memory_size(size: int) -> int:
        """Rounded up to a power of two."""
        return max(_PAGE, 1 << (size - 1).bit_length())

    @property
    def device_info(self) -> tuple[int, int]:
        return vfio.VFIO_DEVICE_FLAGS_PCI, vfio.VFIO_PCI_NUM_REGIONS

    def query_plane(self, plane: PlaneInfo) -> None:
        if plane.flags == _PROBE | _REGION:
            return
        if plane.flags != _REGION:
            raise OSError(errno.EINVAL, "only region planes")
        # The driver ignores drm_plane_type: a cursor query gets the primary plane.
        plane.drm_format_mod = 0
        plane.x_pos = plane.y_pos = plane.x_hot = plane.y_hot = 0
        scanout = self.guest.primary()
        if scanout is None:
            # The real driver's plane is never off. This is the answer of other drivers for a disabled plane.
            plane.drm_format = plane.width = plane.height = plane.stride = plane.size = plane.handle = 0
            return
        plane.drm_format = scanout.fourcc
        plane.width, plane.height = scanout.width, scanout.height
        plane.stride, plane.size = scanout.stride, self._region_size
        plane.handle = _DISPLAY_INDEX
        self.record_flip(plane.handle, scanout)
        if self.guest.active("stale"):
            plane.handle += 1

    def get_dmabuf(self, dmabuf_id: int) -> int:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    def get_region_info(self, buffer: bytearray) -> None:
        """Faults of a fetch apply to the info of the display region, because mdpy has no fetch."""
        info = requested(buffer)
        if info.index >= vfio.VFIO_PCI_NUM_REGIONS and info.index != _DISPLAY_INDEX:
            raise OSError(errno.EINVAL, "no such region")
        region = Region()
        if info.index == vfio.VFIO_PCI_CONFIG_REGION_INDEX:
            region = Region(_CONFIG_SIZE, 0, READ_WRITE)
        elif info.index in (vfio.VFIO_PCI_BAR0_REGION_INDEX, _DISPLAY_INDEX):
            for fault, number in GET_ERRORS.items():
                if self.guest.active(fault):
                    raise OSError(number, f"{os.strerror(number)} (simulated)")
            region = Region(self._mappable(), _MEMORY_OFFSET, READ_WRITE | vfio.VFIO_REGION_INFO_FLAG_MMAP)
        answer(buffer, info, region)

    def read(self, count: int, offset: int) -> bytes:
        """The driver copies from the start of the memory, for every offset."""
        if offset < _CONFIG_SIZE:
            return _CONFIG[offset : offset + count].ljust(count, b"\0")
        if _MEMORY_OFFSET <= offset <= _MEMORY_OFFSET + self._region_size - count:
            scanout = self.guest.primary()
            return bytes(count) if scanout is None else scanout.memory.data[:count].tobytes()
        raise ValueError("nothing there")

    def map(self, length: int, offset: int) -> mapping.mmap:
        scanout = self.guest.primary()
        if offset != _MEMORY_OFFSET or not 0 < length <= self._mappable() or scanout is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if self.guest.active("read-only"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return scanout.memory.map(length)

    def release(self) -> None:
        """mdpy has no buffer objects."""

    def _mappable(self) -> int:
        return self.export_size(self._region_size) or self._region_size


# PCI configuration space: vendor Red Hat, device mdpy, a display controller of class "other".
_CONFIG = bytes.fromhex("361b0f00").ljust(8, b"\0") + bytes.fromhex("00008003").ljust(248, b"\0")
