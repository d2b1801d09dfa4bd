"""NVIDIA's vGPUs on SR-IOV virtual functions, which are no mdevs.

Since NVIDIA's driver 550 with Linux 6.8 the driver registers each virtual function of a GPU with VFIO. A function
becomes a vGPU when the number of a type is written to its file ``nvidia/current_vgpu_type``; 0 means none. No uevent
tells about that. Source: current_vgpu_type_store() in kernel/nvidia-vgpu-vfio of NVIDIA's driver for KVM hosts.
"""

import os
from pathlib import Path

from app.host.paths import HOST, Paths, text_of
from app.text.clean import clean

_CURRENT = "nvidia/current_vgpu_type"
_CREATABLE = "nvidia/creatable_vgpu_types"


def current_types(paths: Paths = HOST) -> dict[str, int]:
    """The number of the vGPU type of each virtual function of an NVIDIA GPU, 0 for none. The key is its PCI address.

    A function whose number cannot be read, or is none, is left out. The order is that of the addresses.
    """
    folder = paths.sys / "bus/pci/devices"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    found = {each: current_type(folder / each) for each in names}
    return {name: number for name, number in found.items() if number is not None}


def current_type(function: Path) -> int | None:
    """The number of the type of one virtual function, given by its folder in sysfs; 0 for none, None if unknown."""
    return _number(text_of(function / _CURRENT) or "")


class TypeNames:
    """Finds the names of vGPU types ("NVIDIA L40S-8Q"). Reads each file once.

    A function lists only the types that could be created on it now: once a GPU is full, the list is empty. So the other
    functions of the GPU are asked as well. The numbers of two GPUs need not mean the same.
    """

    def __init__(self) -> None:
        self._lists: dict[Path, dict[int, str]] = {}
        self._functions: dict[Path, tuple[Path, ...]] = {}

    def name_of(self, function: Path, number: int) -> str | None:
        """The name of the type with that number, None if no function of the GPU lists it.

        ``function`` is the folder of a virtual function in sysfs, with all links resolved.
        """
        own = self._list_of(function)
        if number in own:
            return own[number]
        others = self._functions_of((function / "physfn").resolve())
        return next((each[number] for each in map(self._list_of, others) if number in each), None)

    def _functions_of(self, gpu: Path) -> tuple[Path, ...]:
        if gpu not in self._functions:
            self._functions[gpu] = tuple(each.resolve() for each in sorted(gpu.glob("virtfn*")))
        return self._functions[gpu]

    def _list_of(self, function: Path) -> dict[int, str]:
        if function not in self._lists:
            self._lists[function] = creatable_types(function)
        return self._lists[function]


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
        number = _number(digits.strip())
        if colon and number and name.strip():
            types[number] = clean(name.strip())
    return types


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
