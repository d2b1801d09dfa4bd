"""mbochs as user space sees it: ``samples/vfio-mdev/mbochs.c``, Linux 6.1 to 6.12.

``module=mbochs`` is the driver of the kernel: exports cannot be mapped, and a second fetch of an id is a bug of the
program. ``module=mbochs_rw`` exports for reading and writing, any number of times. Both answer ENOMEM to the first
query of each mode. Unlike the real device, the simulated one has no memory limit for a mode.
"""

import ctypes
import errno
from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.device.guest_memory import Export
from app.host.vgpu import Vgpu
from app.sim.config.spec import Spec
from app.sim.driver.device import PlaneInfo, SimulatedDevice, SimulatedKernelCorruption
from app.sim.driver.edid_registers import EdidRegisters
from app.sim.driver.regions import READ_WRITE, Region, requested, type_capability
from app.sim.guest.guest import Guest, Scanout
from app.sim.guest.timetable import had_fault

_DMABUF = vfio.VFIO_GFX_PLANE_TYPE_DMABUF
_PROBE = vfio.VFIO_GFX_PLANE_TYPE_PROBE

_EDID_INDEX = vfio.VFIO_PCI_NUM_REGIONS
_NUM_REGIONS = vfio.VFIO_PCI_NUM_REGIONS + 1
_CONFIG_SIZE = 0xFF
_MMIO_OFFSET = 0x1000
_EDID_OFFSET = 0x2000
_EDID_BLOB_OFFSET = 0x800
_EDID_BLOB_SIZE = 0x400
_MEMORY_OFFSET = 0x3000
_MEMORY_SIZE = 64 << 20

_FIXED = ctypes.sizeof(vfio.vfio_region_info)
_CAPABILITY = type_capability(vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID)

_REGIONS = {
    vfio.VFIO_PCI_CONFIG_REGION_INDEX: Region(_CONFIG_SIZE, 0, READ_WRITE),
    vfio.VFIO_PCI_BAR0_REGION_INDEX: Region(_MEMORY_SIZE, _MEMORY_OFFSET, READ_WRITE | vfio.VFIO_REGION_INFO_FLAG_MMAP),
    vfio.VFIO_PCI_BAR2_REGION_INDEX: Region(0x1000, _MMIO_OFFSET, READ_WRITE),
    _EDID_INDEX: Region(0x1000, _EDID_OFFSET, READ_WRITE | vfio.VFIO_REGION_INFO_FLAG_CAPS, _CAPABILITY),
}


@dataclass(slots=True)
class _Object:
    """``mbochs_dmabuf``. The driver keeps it until the device is closed."""

    dmabuf_id: int
    scanout: Scanout
    export: Export | None = None


class MbochsDevice(SimulatedDevice):
    """An mbochs device. Its guest draws into its only framebuffer."""

    def __init__(self, spec: Spec, guest: Guest) -> None:
        super().__init__(spec, guest)
        self._objects: dict[tuple[int, int, int, int], _Object] = {}
        self._edid = EdidRegisters(_EDID_BLOB_OFFSET, _EDID_BLOB_SIZE, (0, 0), b"", strict=False, link=self.plug)
        self._shipped = spec.module == "mbochs"
        self.vgpu = Vgpu(
            name=f"sim:{spec.profile}",
            type_id="mbochs-large",
            type_name="mbochs-large",
            parent="mbochs",
            driver="mbochs",
            module=spec.module,
            simulated=True,
        )

    @staticmethod
    def memory_size(size: int) -> int:
        """The driver does not round to pages."""
        return size

    @property
    def device_info(self) -> tuple[int, int]:
        return vfio.VFIO_DEVICE_FLAGS_PCI, _NUM_REGIONS

    @property
    def objects(self) -> int:
        return len(self._objects)

    def query_plane(self, plane: PlaneInfo) -> None:
        if plane.flags == _PROBE | _DMABUF:
            return
        if plane.flags != _DMABUF:
            raise OSError(errno.EINVAL, "only dma-buf planes")
        plane.drm_format_mod = 0
        plane.x_pos = plane.y_pos = plane.x_hot = plane.y_hot = 0
        primary = plane.drm_plane_type == drm.DRM_PLANE_TYPE_PRIMARY
        scanout = self.guest.primary() if primary else None
        if scanout is None:
            plane.drm_format = plane.width = plane.height = plane.stride = plane.size = plane.handle = 0
            return
        key = (scanout.address, scanout.width, scanout.height, scanout.stride)
        known = self._objects.get(key)
        if known is None:
            # The driver makes the object but does not assign it to its variable. The next query finds it.
            self._objects[key] = _Object(len(self._objects) + 1, scanout)
            raise OSError(errno.ENOMEM, "first query of a mode")
        plane.drm_format = scanout.fourcc
        plane.width, plane.height = scanout.width, scanout.height
        plane.stride, plane.size = scanout.stride, scanout.size
        plane.handle = known.dmabuf_id
        self.record_flip(plane.handle, scanout)
        if self.guest.active("stale"):
            plane.handle += 1 << 20

    def get_dmabuf(self, dmabuf_id: int) -> int:
        known = next((each for each in self._objects.values() if each.dmabuf_id == dmabuf_id), None)
        if known is None:
            raise OSError(errno.ENOENT, "no such dmabuf id")
        if known.export is not None:
            if self._shipped:
                raise SimulatedKernelCorruption(
                    f"dmabuf id {dmabuf_id} was fetched twice: the real mbochs takes no reference for that"
                )
            if known.export.alive:
                return known.export.new_fd()
            known.export.release()
        if had_fault(known.scanout.address, "unaligned"):
            # mbochs_dmabuf_export() says so to the kernel's log. The query has taken the framebuffer as it is.
            raise OSError(errno.EINVAL, "framebuffer not page-aligned")
        memory = known.scanout.memory
        read_only = self._shipped or self.guest.active("read-only")
        fd, known.export = memory.export(self.export_size(memory.size), read_only)
        return fd

    def get_region_info(self, buffer: bytearray) -> None:
        info = requested(buffer)
        if info.argsz > _FIXED + len(_CAPABILITY) or info.index >= _NUM_REGIONS:
            raise OSError(errno.EINVAL, "argsz or index out of range")
        if len(buffer) < info.argsz:
            raise OSError(errno.EFAULT, "buffer shorter than its argsz")
        length = info.argsz
        region = _REGIONS.get(info.index, Region())
        info.size, info.offset, info.flags = region.size, region.offset, region.flags
        if region.capabilities:
            # Unlike the VFIO core, the driver sets the offset even if the capability does not fit.
            info.argsz, info.cap_offset = _FIXED + len(region.capabilities), _FIXED
        buffer[:length] = (bytes(info) + region.capabilities.ljust(len(_CAPABILITY), b"\0"))[:length]

    def read(self, count: int, offset: int) -> bytes:
        if offset < _CONFIG_SIZE:
            return _CONFIG[offset : offset + count].ljust(count, b"\0")
        if _MMIO_OFFSET <= offset < _EDID_OFFSET:
            return bytes(count)
        if _EDID_OFFSET <= offset < _MEMORY_OFFSET:
            return self._edid.read(count, offset - _EDID_OFFSET)
        raise ValueError("nothing simulated there")

    def write(self, data: bytes, offset: int) -> None:
        if not _EDID_OFFSET <= offset < _MEMORY_OFFSET:
            raise ValueError("nothing simulated there")
        self._edid.write(data, offset - _EDID_OFFSET)

    def release(self) -> None:
        objects, self._objects = self._objects, {}
        for each in objects.values():
            if each.export is not None:
                each.export.release()


# PCI configuration space: the Bochs display's vendor and device, a display controller of class "other".
_CONFIG = bytes.fromhex("34121111").ljust(8, b"\0") + bytes.fromhex("01008003").ljust(248, b"\0")
