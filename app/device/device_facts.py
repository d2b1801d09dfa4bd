"""What a device tells about itself beside its planes: what it offers, and whether its guest has set it up."""

import struct
from dataclasses import dataclass

from app.abi import vfio
from app.device.gfx_plane import DisplayOffer
from app.device.info import region_info
from app.device.seam import Device

# The command register in the PCI configuration space (include/uapi/linux/pci_regs.h).
_PCI_COMMAND = 4
PCI_COMMAND_MEMORY = 0x2
PCI_COMMAND_MASTER = 0x4


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """``offer`` is None before the first probe. ``pci_command`` is the command register, None if it cannot be read.

    ``query_errors`` counts the failed queries since the opening by the name of their errno.
    """

    offer: DisplayOffer | None = None
    pci_command: int | None = None
    query_errors: tuple[tuple[str, int], ...] = ()


def read_pci_command(device: Device) -> int | None:
    """The command register of the device's PCI function, which the guest's driver writes; None if it cannot be read."""
    try:
        config = region_info(device, vfio.VFIO_PCI_CONFIG_REGION_INDEX)
        value = device.pread(2, config.offset + _PCI_COMMAND) if config.size >= _PCI_COMMAND + 2 else b""
    except OSError:
        return None
    return int(struct.unpack("<H", value)[0]) if len(value) == 2 else None
