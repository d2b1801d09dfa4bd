"""PCI devices that are no vGPU: what is said when a user names one as TARGET."""

from app.errors import MdevviewError, NoSuchDevice, OpenFailed
from app.host.drivers import KnownDisplay, known_display
from app.host.lookup import full_address
from app.host.paths import HOST, Paths
from app.host.vgpu import Vgpu

_VFIO_PCI = "vfio-pci"


def is_passed_through(vgpu: Vgpu) -> bool:
    """Whether a VM has the whole device: the driver vfio-pci has no display ioctl."""
    return vgpu.uuid is None and vgpu.driver == _VFIO_PCI and known_display(vgpu) is KnownDisplay.NONE


def passed_through(address: str) -> OpenFailed:
    """The error for a device that is given to a VM as a whole."""
    return OpenFailed(
        f"{address} is plain pass-through: its driver {_VFIO_PCI} lets no other program see what it shows",
        "look at the monitor that is plugged into it, or use a viewer whose other half runs in the guest",
    )


def missing_function(address: str, paths: Paths = HOST) -> MdevviewError | None:
    """The error for a PCI device that is no vGPU; None if this host has no device of that address."""
    address = full_address(address)
    folder = paths.sys / "bus/pci/devices" / address
    if not folder.exists():
        return None
    link = folder / "driver"
    driver = link.resolve().name if link.exists() else None
    if driver == _VFIO_PCI:
        return passed_through(address)
    what = f"it belongs to the driver {driver}" if driver else "it has no driver"
    return NoSuchDevice(f"{address} is no vGPU and has none: {what}", "'mdevview doctor' says how to get one")
