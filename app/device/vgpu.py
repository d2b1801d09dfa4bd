"""What is known of a vGPU from outside, before it is opened."""

from dataclasses import dataclass
from enum import Enum


class Way(Enum):
    """How a process opened a VFIO device."""

    GROUP = "group"
    CDEV = "cdev"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the device open. ``fd`` is the device's fd there, None when only the group was seen."""

    pid: int
    process: str
    fd: int | None
    vm_name: str | None
    way: Way


@dataclass(frozen=True, slots=True)
class Vgpu:
    """A VFIO device that may have a display.

    ``name`` is the sysfs device name: the UUID of an mdev, a PCI address otherwise, the target itself for a
    simulated one. ``module`` is the kernel module that registered the driver: it tells a sample driver as
    shipped from a changed one. ``cdev`` is the node's name under /dev/vfio/devices ("vfio0").
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
    simulated: bool = False
