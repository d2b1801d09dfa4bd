"""NVIDIA's vGPUs on SR-IOV virtual functions, which are no mdevs.

Since NVIDIA's driver 550 with Linux 6.8 the driver registers each virtual function of a GPU with VFIO. A function
becomes a vGPU when the number of a type is written to its file ``nvidia/current_vgpu_type``; 0 means none. No uevent
tells about that. Source: current_vgpu_type_store() in kernel/nvidia-vgpu-vfio of NVIDIA's driver for KVM hosts.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from app.host.paths import HOST, Paths, names_in, number_of, text_of
from app.text.clean import clean

_CURRENT = "nvidia/current_vgpu_type"
_CREATABLE = "nvidia/creatable_vgpu_types"


def current_types(paths: Paths = HOST) -> dict[str, int]:
    """The number of the vGPU type of each virtual function of an NVIDIA GPU, 0 for none. The key is its PCI address.

    A function whose number cannot be read, or is none, is left out. The order is that of the addresses.
    """
    folder = paths.sys / "bus/pci/devices"
    found = {each: current_type(folder / each) for each in names_in(folder)}
    return {name: number for name, number in found.items() if number is not None}


def current_type(function: Path) -> int | None:
    """The number of the type of one virtual function, given by its folder in sysfs; 0 for none, None if unknown."""
    return number_of(text_of(function / _CURRENT))


class TypeNames:
    """Finds the names of vGPU types ("NVIDIA L40S-8Q"). Reads each file once, and none that it does not need.

    A function lists only the types that could be created on it now: once a GPU is full, the list is empty. So all
    functions of the GPU are asked. The numbers of two GPUs need not mean the same.
    """

    def __init__(self) -> None:
        # For each GPU the names that are known, and the functions that were not asked yet.
        self._gpus: dict[str, tuple[dict[int, str], Iterator[Path]]] = {}

    def name_of(self, function: Path, number: int) -> str | None:
        """The name of the type with that number, None if no function of the GPU lists it.

        ``function`` is the folder of a virtual function in sysfs.
        """
        gpu = function / "physfn"
        try:
            address = os.readlink(gpu)  # noqa: PTH115
        except OSError:
            return None
        names, unread = self._gpus.setdefault(address, ({}, gpu.glob("virtfn*")))
        while number not in names and (other := next(unread, None)) is not None:
            names.update(creatable_types(other))
        return names.get(number)


def type_remedy(function: str) -> str:
    """The commands that make a vGPU of a virtual function, given by its PCI address."""
    folder = f"/sys/bus/pci/devices/{function}/nvidia"
    return (
        f"'cat {folder}/creatable_vgpu_types' lists the types; give the number of one: "
        f"echo NUMBER | sudo tee {folder}/current_vgpu_type"
    )


def no_type_remedy(gpu: str) -> str:
    """What to look at if no function of a GPU, given by its PCI address, can be given a type."""
    return (
        f"the GPU may be full: see 'nvidia-smi vgpu -s -i {gpu}' and 'journalctl -u nvidia-vgpu-mgr'; "
        "end programs that use it, or remove one of its vGPUs"
    )


def creatable_types(function: Path) -> dict[int, str]:
    """The names of the types that could be created on a virtual function now, by their numbers.

    The file has lines like ``1152  : NVIDIA L40S-8Q`` after a headline.
    """
    types = {}
    for line in (text_of(function / _CREATABLE) or "").splitlines():
        digits, colon, name = line.partition(":")
        number = number_of(digits.strip())
        if colon and number and name.strip():
            types[number] = clean(name.strip())
    return types
