"""Finds the vGPUs of this host in sysfs. No device is opened, so no VM is disturbed.

Every device on the bus ``mdev`` is a vGPU, and so is a virtual function of an NVIDIA GPU that has a vGPU type. For
other VFIO devices sysfs alone cannot tell a vGPU from plain pass-through. So they are listed when a process has them
open. Virtual functions are also listed when the command line of a VM names them whose files are hidden.
"""

import os
from dataclasses import replace
from pathlib import Path

from app.host.holders import claimed_addresses, claims, holders
from app.host.nvidia import TypeNames, current_type, current_types
from app.host.paths import HOST, Paths, names_in, number_of, text_of
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.text.clean import clean


def discover(scan: HostScan) -> tuple[Vgpu, ...]:
    """All vGPUs with their holders: mdevs first, each kind sorted by name. Skips devices that vanish meanwhile."""
    vgpus = [_mdev(name, scan.paths) for name in names_in(scan.paths.sys / "bus/mdev/devices")]
    mdevs = {each.name for each in vgpus}
    type_names = TypeNames()
    vgpus += [_other(name, folder, type_names) for name, folder in _other_devices(scan) if name not in mdevs]
    return tuple(refresh(each, scan) for each in vgpus)


def find_mdev(uuid: str, paths: Paths = HOST) -> Vgpu | None:
    """The mdev of that UUID; None if there is none. Does not scan processes, so the result has no holders."""
    return _mdev(uuid, paths) if uuid in names_in(paths.sys / "bus/mdev/devices") else None


def find_pci_device(address: str, paths: Paths = HOST) -> Vgpu | None:
    """Any PCI device, a vGPU or not, by its full address; None if there is none. The result has no holders."""
    link = paths.sys / "bus/pci/devices" / address
    return _other(address, link, TypeNames()) if link.exists() else None


def refresh(vgpu: Vgpu, scan: HostScan) -> Vgpu:
    """The same vGPU with the holders that the scan saw."""
    alone = vgpu.iommu_group is None or len(_group_devices(vgpu.iommu_group, scan.paths)) <= 1
    found = holders(scan, vgpu.name, vgpu.iommu_group, vgpu.cdev, alone)
    unseen = not (scan.complete or _is_surely_free(vgpu, scan.paths))
    return replace(vgpu, holders=found, unseen=unseen, claims=claims(scan, vgpu.name) if unseen and not found else ())


def link_of(vgpu: Vgpu, paths: Paths = HOST) -> Path:
    """The vGPU's link in its bus's folder of sysfs. Users and command lines name it so."""
    return paths.sys / ("bus/mdev" if vgpu.uuid is not None else "bus/pci") / "devices" / vgpu.name


def present(vgpu: Vgpu, paths: Paths = HOST) -> bool:
    """Whether the device still exists. Cheap enough to be called several times a second."""
    if vgpu.uuid is not None:
        return link_of(vgpu, paths).exists()
    group = paths.sys / "kernel/iommu_groups" / str(vgpu.iommu_group) / "devices" / vgpu.name
    return group.exists() or (paths.sys / "class/vfio-dev" / str(vgpu.cdev) / "device").exists()


def _is_surely_free(vgpu: Vgpu, paths: Paths) -> bool:
    """True if no device of the driver is open.

    The first open of each device takes a reference on the driver's module (vfio_df_device_first_open() in
    drivers/vfio/vfio_main.c), so a count of zero is proof. Any other count proves nothing.
    """
    return vgpu.module is not None and text_of(paths.sys / "module" / vgpu.module / "refcnt") == "0"


def _mdev(name: str, paths: Paths) -> Vgpu:
    folder = (paths.sys / "bus/mdev/devices" / name).resolve()
    kind = _link(folder / "mdev_type")
    vgpu = _common(name, folder)
    type_name = text_of(folder / "mdev_type/name")
    return replace(
        vgpu,
        uuid=name,
        type_id=clean(kind) if kind else None,
        type_name=clean(type_name) if type_name is not None else None,
        parent=clean(folder.parent.name),
        gvt_id=number_of(text_of(folder / "intel_vgpu/vgpu_id")),
    )


def _other(name: str, folder: Path, type_names: TypeNames) -> Vgpu:
    """A VFIO device that is no mdev. The parent of a virtual function is its physical function."""
    number = current_type(folder)
    return replace(
        _common(name, folder),
        # NVIDIA's drivers that make mdevs have the same number N in the mdev type "nvidia-N".
        type_id=f"nvidia-{number}" if number else None,
        type_name=type_names.name_of(folder, number) if number else None,
        parent=_link(folder / "physfn"),
    )


def _common(name: str, folder: Path) -> Vgpu:
    group = _link(folder / "iommu_group")
    cdevs = names_in(folder / "vfio-dev")
    return Vgpu(
        name=name,
        driver=_link(folder / "driver"),
        module=_link(folder / "driver/module"),
        iommu_group=int(group) if group and group.isdecimal() else None,
        cdev=cdevs[0] if cdevs else None,
    )


def _other_devices(scan: HostScan) -> list[tuple[str, Path]]:
    """The sysfs names and folders of the devices to list that are no mdevs, sorted by name."""
    pci = scan.paths.sys / "bus/pci/devices"
    with_type = {name for name, number in current_types(scan.paths).items() if number}
    # Any user may claim any number of addresses.
    claimed = {name for name in claimed_addresses(scan).intersection(names_in(pci)) if (pci / name / "physfn").exists()}
    devices = {name: pci / name for name in with_type | claimed}
    return sorted((_open_devices(scan) | devices).items())


def _open_devices(scan: HostScan) -> dict[str, Path]:
    """The sysfs name and folder of each device that a process has open, or whose group it has open."""
    paths, folders = scan.paths, set[Path]()
    for process in scan.processes:
        for group in process.groups:
            folders.update(_group_devices(group, paths))
        for cdev in process.cdevs:
            folders.add(paths.sys / "class/vfio-dev" / cdev / "device")
        # A process that received a device fd has neither its group nor its cdev.
        folders.update(paths.sys / fd.syspath.removeprefix("/sys/") for fd in process.device_fds if fd.syspath)
    return {folder.resolve().name: folder.resolve() for folder in folders if folder.exists()}


def _group_devices(group: int, paths: Paths) -> list[Path]:
    """The devices of a group that have a VFIO driver. (``vfio-dev`` exists since Linux 6.1.)"""
    folder = paths.sys / "kernel/iommu_groups" / str(group) / "devices"
    return [folder / name for name in names_in(folder) if (folder / name / "vfio-dev").exists()]


def _link(file: Path) -> str | None:
    """The last name in the target of a symbolic link; None if there is no link.

    The kernel's links end at a folder. To follow them by every folder would take most of the time of a list.
    """
    try:
        return os.readlink(file).rsplit("/", 1)[-1]  # noqa: PTH115
    except OSError:
        return None
