"""Whether a VM has a touch screen. QEMU's D-Bus display does not tell: each console has the interface for touches."""

from app.qemu.command_line import CommandLine

# The only device of QEMU that tells fingers apart (hw/input/virtio-input-hid.c): for PCI, and for virtio-mmio.
_DRIVERS = ("virtio-multitouch-pci", "virtio-multitouch-device")


def has_touch_screen(command_line: CommandLine) -> bool:
    """Whether the VM was started with one. One that was plugged in later is not known."""
    return any(each.driver in _DRIVERS for each in command_line.devices)
