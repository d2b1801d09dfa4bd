"""Why a PCI device that a user names is no vGPU."""

from app.errors import NoSuchDevice
from app.host.discovery import find_pci_device
from app.host.drivers import KnownDisplay, display_advice, known_display
from app.host.lookup import full_address, is_pci_address
from app.host.nvidia import current_type, type_remedy
from app.host.paths import HOST, Paths
from app.host.vgpu import Vgpu


def no_vgpu(text: str, paths: Paths = HOST) -> NoSuchDevice | None:
    """The error for a PCI address of a device that is not listed as a vGPU.

    None if the text is no PCI address, or this host has no such device.
    """
    if not is_pci_address(text):
        return None
    address = full_address(text)
    device = find_pci_device(address, paths)
    if device is None:
        return None
    if current_type(paths.sys / "bus/pci/devices" / address) == 0:
        return NoSuchDevice(
            f"{address} is no vGPU: this function of an NVIDIA GPU has no vGPU type", type_remedy(address)
        )
    if known_display(device) is KnownDisplay.NONE:
        return without_display(device)
    driver = f"its driver is {device.driver}" if device.driver else "it has no driver"
    return NoSuchDevice(f"{address} is no vGPU: {driver}", "'mdevview list' shows the vGPUs")


def without_display(device: Vgpu) -> NoSuchDevice:
    """The error for a device whose driver is known to have no display, such as plain pass-through."""
    return NoSuchDevice(f"{device.name} is no vGPU: its driver is {device.driver}", display_advice(device))
