"""Decides whether the mapping of a region may vanish while it is read. A mistake here ends the program with SIGBUS.

vfio-pci takes the pages of a BAR away when the guest turns memory decoding off or resets the device, and of most other
drivers nothing is known. What may vanish is copied by the kernel (:mod:`app.planes.staging`), which takes several
times as long as to read it in place.

mdpy (samples/vfio-mdev/mdpy.c, mdpy_mmap) maps memory of the kernel, all of it at once: remap_vmalloc_range() puts each
page in with vm_insert_page(), which takes a reference to the page and marks the mapping VM_MIXEDMAP. The driver has no
fault handler and never calls unmap_mapping_range(). So no access faults, even after the device was removed.
"""

import mmap
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.host.vgpu import Vgpu

_DRIVER_THAT_KEEPS_PAGES = "mdpy"
# A VmFlags line of smaps (fs/proc/task_mmu.c, show_smap_vma_flags): pages that were put in one by one.
_MIXED_MAP = "mm"
# Device memory, which has no pages that a reference could keep.
_NO_PAGES = {"io", "pf"}

Stays = Callable[[mmap.mmap], bool]


def never_stays(_mapping: mmap.mmap) -> bool:
    """The answer for a driver of which nothing is known."""
    return False


def stays_of(vgpu: Vgpu | None) -> Stays:
    """A function that tells of a new mapping of this vGPU's device whether all of it stays until it is unmapped.

    The name of the driver alone is not believed: of the device of a VM, only that VM's process may have named it.
    """
    if vgpu is None:
        return never_stays
    if vgpu.simulated:
        # The memory of a simulated guest is a memfd of this program, sealed against shortening.
        return _always_stays
    return has_own_pages if (vgpu.module or vgpu.driver) == _DRIVER_THAT_KEEPS_PAGES else never_stays


def _always_stays(_mapping: mmap.mmap) -> bool:
    return True


def has_own_pages(mapping: mmap.mmap, smaps: Path = Path("/proc/self/smaps")) -> bool:
    """Whether the kernel says that the mapping has pages put in one by one, and no device memory.

    False if the kernel does not tell.
    """
    start = np.frombuffer(mapping, np.uint8).ctypes.data
    try:
        text = smaps.read_text("ascii", "replace")
    except OSError:
        return False
    flags = flags_in(text, start, start + len(mapping))
    return flags is not None and _MIXED_MAP in flags and not flags & _NO_PAGES


def flags_in(smaps: str, start: int, end: int) -> frozenset[str] | None:
    """The VmFlags of the mapping that covers these addresses; None if no single one does, or it has none."""
    covers = False
    for line in smaps.splitlines():
        first, _, rest = line.partition(" ")
        if first == "VmFlags:":
            if covers:
                return frozenset(rest.split())
        elif not first.endswith(":"):
            low, dash, high = first.partition("-")
            try:
                covers = bool(dash) and int(low, 16) <= start and end <= int(high, 16)
            except ValueError:
                covers = False
    return None
