"""Why a PCI device that a user names is no vGPU."""

from app.errors import NoSuchDevice
from app.host.discovery import find_pci_device
from app.host.drivers import KnownDisplay, display_advice, known_display
from app.host.nvidia import creatable_types, current_type, no_type_remedy, type_remedy
from app.host.paths import HOST, Paths
from app.host.vgpu import Vgpu
from app.qemu.pci_address import full_address, is_pci_address


def no_type(text: str, paths: Paths = HOST) -> NoSuchDevice | None:
    """The error for the PCI address of a function of an NVIDIA GPU that has no vGPU type; None for anything else."""
    address = _address(text)
    if address is None or current_type(paths.sys / "bus/pci/devices" / address) != 0:
        return None
    problem = f"{address} has no vGPU type: its nvidia/current_vgpu_type is 0"
    function = paths.sys / "bus/pci/devices" / address
    if creatable_types(function):
        return NoSuchDevice(problem, type_remedy(address))
    gpu = (function / "physfn").resolve().name
    return NoSuchDevice(f"{problem}, and it can be given none now", no_type_remedy(gpu))


def no_vgpu(text: str, paths: Paths = HOST) -> NoSuchDevice | None:
    """The error for a PCI address of a device that is not listed as a vGPU.

    None if the text is no PCI address, or this host has no such device.
    """
    address = _address(text)
    device = find_pci_device(address, paths) if address is not None else None
    if address is None or device is None:
        return None
    error = no_type(address, paths)
    if error is not None:
        return error
    if known_display(device) is KnownDisplay.NONE:
        return without_display(device)
    driver = f"its driver is {device.driver}" if device.driver else "it has no driver"
    return NoSuchDevice(f"{address} is no vGPU: {driver}", "'mdevview list' shows the vGPUs")


def without_display(device: Vgpu) -> NoSuchDevice:
    """The error for a device whose driver is known to have no display, such as plain pass-through."""
    return NoSuchDevice(f"{device.name} is no vGPU: its driver is {device.driver}", display_advice(device))


def _address(text: str) -> str | None:
    """The address as sysfs has it; None if the text is none."""
    return full_address(text) if is_pci_address(text) else None
