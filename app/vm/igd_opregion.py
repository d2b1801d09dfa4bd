"""The OpRegion of a GVT-g vGPU, in which Intel's guest drivers find the ports of their displays.

QEMU shows it to the guest with ``x-igd-opregion=on``. That is off by default up to QEMU 10.0, and on from 10.1 on
(commit 16cbb43302a2, hw/vfio/pci.c). QEMU 10.0 refuses to start if a device with this option has no OpRegion, so it is
added for GVT-g only.
"""

from app.host.vgpu import Vgpu, is_gvt
from app.qemu.command_line import CommandLine

PROPERTY = "x-igd-opregion"


def wants_opregion(vgpu: Vgpu | None, command: CommandLine) -> bool:
    """Whether it is a GVT-g vGPU, and the command line says nothing of its OpRegion."""
    if vgpu is None or not is_gvt(vgpu):
        return False
    if any(each.name == "global" and PROPERTY in (each.value or "") for each in command.options):
        return False
    # The properties have what -set adds.
    return not any(PROPERTY in each.properties for each in command.vfio_devices if each.vfio_name == vgpu.name)


def default_arguments(command: CommandLine) -> list[str]:
    """The arguments that give the OpRegion to a device which the command line has already.

    Empty if it has several VFIO devices: all would get the option, and one without an OpRegion would not start.
    """
    return ["-global", f"vfio-pci.{PROPERTY}=on"] if len(command.vfio_devices) == 1 else []
