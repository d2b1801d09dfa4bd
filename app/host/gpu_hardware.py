"""The GPUs of this host and the conditions under which they make vGPUs, as sysfs and /proc tell them."""

from dataclasses import dataclass, field
from pathlib import Path

from app.host.modules import ModuleState, module_state
from app.host.nvidia import creatable_types, current_type
from app.host.paths import HOST, Paths, names_in, text_of

INTEL, NVIDIA, AMD = 0x8086, 0x10DE, 0x1002

_MODULES = ("kvmgt", "i915", "nvidia", "nvidia_vgpu_vfio", "mbochs", "mdpy")
_APERTURE_BAR = 2


@dataclass(frozen=True, slots=True)
class GpuHardware:
    """A PCI device of class 03 (display controller) that is no virtual function.

    ``aperture`` is the size of its third memory region in bytes, through which the CPU sees an Intel GPU's memory; None
    if it has none. ``most_functions`` is how many SR-IOV functions it can have, ``functions`` how many it has.
    ``makes_vgpus``: it, or a virtual function of it, can make mdevs, or NVIDIA's vendor driver offers types of vGPUs.
    ``lacks_type``: the latter, and none of its functions has a type; then ``creatable`` is the first one on which a
    type could be created now, None if there is none.
    """

    address: str
    vendor: int
    device: int
    driver: str | None = None
    aperture: int | None = None
    most_functions: int = 0
    functions: int = 0
    makes_vgpus: bool = False
    lacks_type: bool = False
    creatable: str | None = None


@dataclass(frozen=True, slots=True)
class VgpuConditions:
    """``enable_gvt`` is the parameter of i915 ("Y", "N"), None if it has none. ``iommu``: the kernel uses an IOMMU.

    ``command_line`` is the kernel's. ``modules`` are the states of the modules that make vGPUs.
    """

    gpus: tuple[GpuHardware, ...] = ()
    enable_gvt: str | None = None
    iommu: bool = False
    command_line: str = ""
    modules: dict[str, ModuleState] = field(default_factory=dict)


def vgpu_conditions(paths: Paths = HOST) -> VgpuConditions:
    """Read them. Opens no device."""
    return VgpuConditions(
        gpus=_gpus(paths),
        enable_gvt=text_of(paths.sys / "module/i915/parameters/enable_gvt"),
        iommu=bool(names_in(paths.sys / "class/iommu") or names_in(paths.sys / "kernel/iommu_groups")),
        command_line=text_of(paths.proc / "cmdline") or "",
        modules={each: module_state(each, paths) for each in _MODULES},
    )


def _gpus(paths: Paths) -> tuple[GpuHardware, ...]:
    found = []
    devices = paths.sys / "bus/pci/devices"
    for folder in (devices / name for name in names_in(devices)):
        kind = text_of(folder / "class") or ""
        if kind.startswith("0x03") and not (folder / "physfn").exists():
            found.append(_gpu(folder))
    return tuple(found)


def _gpu(folder: Path) -> GpuHardware:
    driver = folder / "driver"
    functions = [each.resolve() for each in (folder, *sorted(folder.glob("virtfn*")))]
    types = {number for each in functions if (number := current_type(each)) is not None}
    return GpuHardware(
        address=folder.name,
        vendor=_number(text_of(folder / "vendor")),
        device=_number(text_of(folder / "device")),
        driver=driver.resolve().name if driver.exists() else None,
        aperture=_aperture(text_of(folder / "resource")),
        most_functions=_number(text_of(folder / "sriov_totalvfs")),
        functions=_number(text_of(folder / "sriov_numvfs")),
        makes_vgpus=any(
            (each / "mdev_supported_types").is_dir() or (each / "nvidia/creatable_vgpu_types").exists()
            for each in functions
        ),
        lacks_type=types == {0},
        creatable=next((each.name for each in functions if creatable_types(each)), None) if types == {0} else None,
    )


def _aperture(resource: str | None) -> int | None:
    """The size of a memory region: each line of the file has its first address, its last one, and flags."""
    lines = (resource or "").splitlines()
    words = lines[_APERTURE_BAR].split() if len(lines) > _APERTURE_BAR else []
    first, last = (_number(words[0]), _number(words[1])) if len(words) == 3 else (0, 0)
    return last - first + 1 if last > first else None


def _number(text: str | None) -> int:
    """A decimal number, or a hexadecimal one with 0x; 0 if it is none."""
    try:
        return int(text or "0", 0) if len(text or "") <= 20 else 0
    except ValueError:
        return 0
