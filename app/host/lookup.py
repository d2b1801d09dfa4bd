"""Finds the vGPU that a user names by a UUID, the start or the end of a UUID, or a PCI address.

The UUIDs that Proxmox VE makes end with the VM's number and differ only there (generate_mdev_uuid() in pve-common's
PVE/SysFSTools.pm).
"""

from collections.abc import Sequence

from app.errors import AmbiguousTarget, NoSuchDevice
from app.host.vgpu import Vgpu
from app.qemu.pci_address import full_address, is_pci_address


def find_vgpu(text: str, vgpus: Sequence[Vgpu]) -> Vgpu:
    """The vGPU whose name is ``text`` (in lower case), or the only one whose UUID starts or ends with it.

    A PCI address is the name of a device, or else that of the GPU whose only vGPU is meant. Raises NoSuchDevice if none
    fits, AmbiguousTarget if several fit.
    """
    is_address = is_pci_address(text)
    name = full_address(text) if is_address else text
    exact = [each for each in vgpus if each.name == name]
    if exact:
        return exact[0]
    fitting = tuple(each for each in vgpus if (each.parent == name if is_address else _fits(text, each)))
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        what = f"{name} is the GPU of" if is_address else f"{text} fits"
        raise AmbiguousTarget(
            f"{what} {len(fitting)} vGPUs: {enumerate_vgpus(fitting)}",
            "give the name of one of them" if is_address else "give more of the UUID",
            names_of(fitting),
        )
    known = f"there are: {enumerate_vgpus(vgpus)}" if vgpus else "this host has none ('mdevview doctor' says why)"
    if text.isdecimal():
        known += f"; the VM of that number is vm:{text}"
    raise NoSuchDevice(f"no vGPU {name}", known)


def enumerate_vgpus(vgpus: Sequence[Vgpu]) -> str:
    """The names of vGPUs with their types, for a message."""
    return ", ".join(f"{each.name} ({each.type_id})" if each.type_id else each.name for each in vgpus)


def names_of(vgpus: Sequence[Vgpu]) -> tuple[str, ...]:
    """The sysfs names of vGPUs, in the given order."""
    return tuple(each.name for each in vgpus)


def _fits(text: str, vgpu: Vgpu) -> bool:
    return vgpu.uuid is not None and (vgpu.uuid.startswith(text) or vgpu.uuid.endswith(text))
