"""GVT-g as user space sees it: ``drivers/gpu/drm/i915/gvt/`` dmabuf.c and kvmgt.c, Linux 6.1.

It differs from the driver in two points. It shows any known format; the hardware scans out ten. And it rounds the size
of a Yf plane to the true height of its tiles; the driver uses 32 rows for every format (C8 would need 64).
"""

import errno
import itertools
import os
from dataclasses import dataclass, field

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.device.guest_memory import Export
from app.edid.mode import Limits
from app.host.vgpu import Vgpu
from app.sim.config.spec import Spec
from app.sim.driver.device import PlaneInfo, SimulatedDevice
from app.sim.driver.edid_registers import EdidRegisters, simulated_edid
from app.sim.driver.regions import (
    READ_WRITE,
    Region,
    answer,
    requested,
    sparse_capability,
    type_capability,
)
from app.sim.guest.guest import Guest, Scanout

_PAGE = 4096
_HOT_UNKNOWN = 0xFFFF_FFFF
_DMABUF = vfio.VFIO_GFX_PLANE_TYPE_DMABUF
_PROBE = vfio.VFIO_GFX_PLANE_TYPE_PROBE

# VFIO_PCI_INDEX_TO_OFFSET of kvmgt.c.
_INDEX_SHIFT = 40
_OPREGION_INDEX = vfio.VFIO_PCI_NUM_REGIONS
_EDID_INDEX = vfio.VFIO_PCI_NUM_REGIONS + 1
_NUM_REGIONS = vfio.VFIO_PCI_NUM_REGIONS + 2
_EDID_BLOB_OFFSET = _PAGE // 2
_EDID_SIZE = 128


@dataclass(slots=True)
class _Object:
    """``intel_vgpu_dmabuf_obj``. The driver identifies a framebuffer by ``key``.

    ``initref`` is the one reference that queries take (pick_dmabuf_by_info() found the object, or it is new) and that a
    fetch drops. Each export that somebody holds is another reference. The object and its id exist while there is any
    reference, even if the guest has freed the framebuffer.
    """

    key: tuple[int, ...]
    scanout: Scanout
    cursor: bool
    initref: bool = True
    exports: list[Export] = field(default_factory=list)

    @property
    def references(self) -> int:
        """``kref``. First releases the exports that nobody holds any more."""
        held = [each for each in self.exports if each.alive]
        for each in self.exports:
            if each not in held:
                each.release()
        self.exports = held
        return self.initref + len(held)


class GvtDevice(SimulatedDevice):
    """A vGPU of GVT-g with a guest that flips among framebuffers and moves a cursor plane."""

    def __init__(self, spec: Spec, guest: Guest) -> None:
        super().__init__(spec, guest)
        self._idr: dict[int, _Object] = {}
        # The limits of the type named below, unless the specification has a larger screen.
        limits = (max(1920, spec.width), max(1200, spec.height))
        edid = simulated_edid(spec.width, spec.height, Limits(*limits, _EDID_SIZE))
        self._edid = EdidRegisters(_EDID_BLOB_OFFSET, _EDID_SIZE, limits, edid, strict=True, link=self.plug)
        self._regions = _regions()
        self.vgpu = Vgpu(
            name=f"sim:{spec.profile}",
            type_id="i915-GVTg_V5_4",
            type_name="GVTg_V5_4",
            parent="0000:00:02.0",
            driver="intel_vgpu_mdev",
            module="kvmgt",
            simulated=True,
        )

    @staticmethod
    def memory_size(size: int) -> int:
        return -(-size // _PAGE) * _PAGE

    @property
    def device_info(self) -> tuple[int, int]:
        return vfio.VFIO_DEVICE_FLAGS_PCI | vfio.VFIO_DEVICE_FLAGS_RESET, _NUM_REGIONS

    @property
    def objects(self) -> int:
        return len(self.references())

    def references(self) -> dict[int, int]:
        """The ids of the driver's objects, each with its number of references."""
        self._free_unreferenced()
        return {dmabuf_id: each.references for dmabuf_id, each in self._idr.items()}

    def query_references(self) -> set[int]:
        """The ids of the objects on which a query holds a reference (``initref``)."""
        return {dmabuf_id for dmabuf_id, each in self._idr.items() if each.initref}

    def query_plane(self, plane: PlaneInfo) -> None:
        if plane.flags == _PROBE | _DMABUF:
            return
        if plane.flags != _DMABUF:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if plane.drm_plane_type == drm.DRM_PLANE_TYPE_PRIMARY:
            scanout = self.guest.primary()
        elif plane.drm_plane_type == drm.DRM_PLANE_TYPE_CURSOR:
            scanout = self.guest.cursor()
        else:
            raise OSError(errno.EINVAL, "invalid plane id")
        # If a plane is off, the decoder returns ENODEV. The query turns that into success and writes nothing.
        if scanout is None:
            return
        self._fill(plane, scanout)
        plane.handle = self._id_for(scanout, cursor=plane.drm_plane_type == drm.DRM_PLANE_TYPE_CURSOR)
        if plane.drm_plane_type == drm.DRM_PLANE_TYPE_PRIMARY:
            self.record_flip(plane.handle, scanout)
        if self.guest.active("stale"):
            # As if the object had been freed between the query and the fetch.
            plane.handle += 1 << 20

    def get_dmabuf(self, dmabuf_id: int) -> int:
        self._free_unreferenced()
        fetched = self._idr.get(dmabuf_id)
        if fetched is None:
            raise OSError(errno.EINVAL, "invalid dmabuf id")
        if fetched.cursor and self.guest.active("cursor-refused"):
            raise OSError(errno.EINVAL, f"{os.strerror(errno.EINVAL)} (simulated)")
        memory = fetched.scanout.memory
        fd, export = memory.export(self.export_size(memory.size), self.guest.active("read-only"))
        if export not in fetched.exports:
            fetched.exports.append(export)
        fetched.initref = False
        return fd

    def get_region_info(self, buffer: bytearray) -> None:
        info = requested(buffer)
        region = self._regions.get(info.index)
        if region is None:
            raise OSError(errno.EINVAL, "no such region")
        answer(buffer, info, region)

    def read(self, count: int, offset: int) -> bytes:
        index, inside = offset >> _INDEX_SHIFT, offset & (1 << _INDEX_SHIFT) - 1
        if index == _EDID_INDEX:
            return self._edid.read(count, inside)
        if index == vfio.VFIO_PCI_CONFIG_REGION_INDEX and inside + count <= 256:
            return (_IDLE_CONFIG if self.guest.active("never-on") else _CONFIG)[inside : inside + count]
        raise ValueError("nothing simulated there")

    def write(self, data: bytes, offset: int) -> None:
        if offset >> _INDEX_SHIFT != _EDID_INDEX:
            raise ValueError("nothing simulated there")
        self._edid.write(data, offset & (1 << _INDEX_SHIFT) - 1)

    def release(self) -> None:
        """intel_vgpu_dmabuf_cleanup(): drops the references of queries. Exports stay with their holders."""
        objects, self._idr = self._idr, {}
        for each in objects.values():
            for export in each.exports:
                export.release()

    def _fill(self, plane: PlaneInfo, scanout: Scanout) -> None:
        plane.drm_format, plane.drm_format_mod = scanout.fourcc, scanout.modifier
        plane.width, plane.height = scanout.width, scanout.height
        plane.stride, plane.size = scanout.stride, scanout.size
        if plane.drm_plane_type == drm.DRM_PLANE_TYPE_PRIMARY:
            plane.x_pos = plane.y_pos = 0
            # Kernels that did not clear the struct yet copied stack contents.
            plane.x_hot, plane.y_hot = 0xDEAD_BEEF, 0x0000_8881
            return
        # The registers hold magnitude and sign separately, and the decoder reports only the magnitude.
        plane.x_pos, plane.y_pos = abs(scanout.x), abs(scanout.y)
        plane.x_hot, plane.y_hot = self.spec.hot or (_HOT_UNKNOWN, _HOT_UNKNOWN)

    def _id_for(self, scanout: Scanout, *, cursor: bool) -> int:
        """The id of the framebuffer's object; a new object gets the lowest free id."""
        self._free_unreferenced()
        key = (
            scanout.address,
            scanout.size,
            scanout.modifier,
            scanout.fourcc,
            scanout.width,
            scanout.height,
        )
        for dmabuf_id, each in self._idr.items():
            if each.key == key:
                each.initref = True
                return dmabuf_id
        dmabuf_id = next(number for number in itertools.count(1) if number not in self._idr)
        self._idr[dmabuf_id] = _Object(key, scanout, cursor)
        return dmabuf_id

    def _free_unreferenced(self) -> None:
        """dmabuf_gem_object_free(): user space may have closed the last dma-buf, which the simulation does not see."""
        # If initref is set, the exports need no check, which would cost system calls.
        free = [dmabuf_id for dmabuf_id, each in self._idr.items() if not (each.initref or each.references)]
        for dmabuf_id in free:
            del self._idr[dmabuf_id]


def _regions() -> dict[int, Region]:
    def at(index: int, size: int, flags: int, capabilities: bytes = b"") -> Region:
        return Region(size, index << _INDEX_SHIFT, flags, capabilities)

    regions = {index: at(index, 0, 0) for index in range(vfio.VFIO_PCI_NUM_REGIONS)}
    bar0, bar2 = vfio.VFIO_PCI_BAR0_REGION_INDEX, vfio.VFIO_PCI_BAR2_REGION_INDEX
    config = vfio.VFIO_PCI_CONFIG_REGION_INDEX
    regions[bar0] = at(bar0, 16 << 20, READ_WRITE)
    regions[bar2] = at(
        bar2,
        256 << 20,
        READ_WRITE | vfio.VFIO_REGION_INFO_FLAG_MMAP | vfio.VFIO_REGION_INFO_FLAG_CAPS,
        sparse_capability(64 << 20, 64 << 20),
    )
    regions[config] = at(config, 256, READ_WRITE)
    # Type PCI vendor 8086, subtype 1: the OpRegion.
    regions[_OPREGION_INDEX] = at(
        _OPREGION_INDEX, 8 << 10, vfio.VFIO_REGION_INFO_FLAG_READ, type_capability(1 << 31 | 0x8086, 1)
    )
    regions[_EDID_INDEX] = at(
        _EDID_INDEX,
        _EDID_SIZE,
        READ_WRITE | vfio.VFIO_REGION_INFO_FLAG_CAPS,
        type_capability(vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID),
    )
    return regions


# PCI configuration space: vendor Intel, HD Graphics of Skylake, a VGA controller. The guest's driver has set the
# command register to I/O, memory and bus mastering; without it, the firmware has only set the first two.
_CONFIG = bytes.fromhex("8680121907000000") + bytes.fromhex("07000003").ljust(248, b"\0")
_IDLE_CONFIG = bytes.fromhex("8680121903000000") + _CONFIG[8:]
