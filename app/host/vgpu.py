"""What is known of a vGPU from outside, before it is opened."""

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
    """A process that has the device open.

    ``fd`` is the device's fd there, None when only the group was seen or several fds of one group could be it.
    ``way`` is None for a process of another user that names the device on its command line: no more can be seen.
    """

    pid: int
    process: str
    fd: int | None
    vm_name: str | None
    way: Way | None


@dataclass(frozen=True, slots=True)
class Vgpu:
    """A VFIO device that may have a display.

    ``name`` is the sysfs device name: the UUID of an mdev, a PCI address otherwise, the target itself for a
    simulated one. ``module`` is the kernel module that registered the driver: it tells a sample driver as
    shipped from a changed one. ``cdev`` is the node's name under /dev/vfio/devices ("vfio0"). ``unseen`` is True
    when a process may have the device open that could not be looked into, or whose fd does not tell its device.
    ``gvt_id`` is what GVT-g's uevents call VMID.
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
    gvt_id: int | None = None
    simulated: bool = False

    @property
    def use(self) -> Use:
        if self.holders:
            return Use.IN_USE
        return Use.UNKNOWN if self.unseen else Use.FREE
