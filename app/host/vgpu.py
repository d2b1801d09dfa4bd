"""What the host tells about a vGPU before it is opened."""

from dataclasses import dataclass
from enum import Enum


class Way(Enum):
    """How a process opened a VFIO device."""

    GROUP = "group"
    CDEV = "cdev"


class Use(Enum):
    """Whether a process has the device open, as far as this user can see."""

    FREE = "free"
    IN_USE = "in-use"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the device open, or claims to.

    ``fd`` is the device's fd in that process. It is None if only the group was seen, and if several fds of one group
    may be the device. ``way`` is None for a claim. ``uid`` is the process's real user, None if it cannot be seen.
    ``vm_id`` is the number that Proxmox VE gave the VM.
    """

    pid: int
    process: str
    fd: int | None
    vm_name: str | None
    way: Way | None
    uid: int | None = None
    vm_id: str | None = None


@dataclass(frozen=True, slots=True)
class Vgpu:
    """A VFIO device that may have a display.

    ``name`` is the sysfs device name: the UUID of an mdev, else a PCI address. For a simulated device it is the target.
    ``module`` is the kernel module that registered the driver: the kernel's sample driver and a changed one have
    different modules. ``cdev`` is the node's name under /dev/vfio/devices ("vfio0"). ``unseen`` is True if another
    process may have the device open: its files could not be listed, or its fd does not tell the device. Then ``claims``
    are the processes that cannot be seen and whose command lines name the device. GVT-g's uevents call ``gvt_id`` VMID.
    """

    name: str
    uuid: str | None = None
    type_id: str | None = None
    type_name: str | None = None
    parent: str | None = None
    driver: str | None = None
    module: str | None = None
    iommu_group: int | None = None
    cdev: str | None = None
    holders: tuple[Holder, ...] = ()
    unseen: bool = False
    claims: tuple[Holder, ...] = ()
    gvt_id: int | None = None
    simulated: bool = False

    @property
    def use(self) -> Use:
        if self.holders:
            return Use.IN_USE
        return Use.UNKNOWN if self.unseen else Use.FREE


def is_gvt(vgpu: Vgpu | None) -> bool:
    """Whether it is a vGPU of Intel's GVT-g (the names of its types: gvt/vgpu.c of Linux 6.1)."""
    return vgpu is not None and (vgpu.type_id or "").startswith("i915-GVTg")


def is_nvidia(vgpu: Vgpu | None) -> bool:
    """Whether NVIDIA's vGPU manager is behind the device."""
    return vgpu is not None and "nvidia" in f"{vgpu.type_id or ''} {vgpu.driver or ''}".lower()
