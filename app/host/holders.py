"""Who has a VFIO device open: what ``/proc/*/fd`` shows.

Seen from outside, a process that opened a device by its group holds ``/dev/vfio/N`` and one or more
``anon_inode:[vfio-device]``; one that opened it by its cdev holds ``/dev/vfio/devices/vfioX``. Looking opens no
device: an open of a group, however short, would make a VM that starts in that moment fail with EBUSY.
"""

import os
import re
from dataclasses import dataclass, field

from app.host.paths import HOST, Paths
from app.host.vgpu import Holder, Way
from app.qemu.command_line import vm_name

DEVICE_LINK = "anon_inode:[vfio-device]"
_GROUP = re.compile(r"/dev/vfio/(?:noiommu-)?(\d+)")
_CDEV = re.compile(r"/dev/vfio/devices/(vfio\d+)")
# Processes of other users that may be believed when their command line names a device.
_VMM = re.compile(r"(qemu|kvm|cloud-hypervisor|crosvm)")


@dataclass(frozen=True, slots=True)
class DeviceFd:
    """An ``anon_inode:[vfio-device]``. ``syspath`` says which device; None before Linux 6.18."""

    fd: int
    syspath: str | None = None


@dataclass(frozen=True, slots=True)
class VfioProcess:
    """A process with VFIO files open. ``groups`` and ``cdevs`` map numbers and names to the fd there.

    ``fds`` are all that may be a device: every ``anon_inode:[vfio-device]`` and every open cdev, in order. ``viewer``
    tells this very program, which lets a VM's device go when the VM ends.
    """

    pid: int
    process: str
    vm_name: str | None
    groups: dict[int, int] = field(default_factory=dict)
    cdevs: dict[str, int] = field(default_factory=dict)
    device_fds: tuple[DeviceFd, ...] = ()
    fds: tuple[int, ...] = ()
    viewer: bool = False


@dataclass(frozen=True, slots=True)
class HiddenVmm:
    """A VMM of another user: its files cannot be seen, its command line can."""

    pid: int
    process: str
    vm_name: str | None
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at all processes. ``unreadable`` counts those whose files this user may not list."""

    processes: tuple[VfioProcess, ...] = ()
    hidden_vmms: tuple[HiddenVmm, ...] = ()
    unreadable: int = 0

    @property
    def complete(self) -> bool:
        """Whether every open device was found. A device fd without its group tells its device since Linux 6.18.

        Before, that of a viewer is a VM's, which is found by itself.
        """
        placed = all(each.groups or each.viewer or all(fd.syspath for fd in each.device_fds) for each in self.processes)
        return placed and not self.unreadable

    def holders(self, name: str, group: int | None, cdev: str | None, alone: bool = True) -> tuple[Holder, ...]:
        """The processes that have the device of that sysfs name open.

        ``alone`` says whether it is the only device of its group: then the group's one device fd is its fd.
        """
        found: list[Holder] = []
        for each in self.processes:
            fd = _named_fd(each, name)
            if cdev is not None and cdev in each.cdevs:
                found.append(Holder(each.pid, each.process, each.cdevs[cdev], each.vm_name, Way.CDEV))
            elif fd is not None or (group is not None and group in each.groups):
                if fd is None and alone and len(each.groups) == 1 and len(each.device_fds) == 1:
                    fd = each.device_fds[0].fd
                found.append(Holder(each.pid, each.process, fd, each.vm_name, Way.GROUP))
        for vmm in self.hidden_vmms:
            if any(name in argument for argument in vmm.arguments):
                found.append(Holder(vmm.pid, vmm.process, None, vmm.vm_name, None))
        return tuple(found)


def _named_fd(process: VfioProcess, name: str) -> int | None:
    for each in process.device_fds:
        if each.syspath is not None and each.syspath.rsplit("/", 1)[-1] == name:
            return each.fd
    return None


def scan(paths: Paths = HOST) -> Scan:
    """Look at every process once. Processes that end meanwhile are left out; nothing is raised for them."""
    if _no_nodes(paths.dev / "vfio"):
        # No group and no cdev: nothing can be open, and a look at every fd of the host is saved.
        return Scan()
    processes: list[VfioProcess] = []
    hidden: list[HiddenVmm] = []
    # With /proc mounted hidepid=invisible other users' processes are not even listed: the first one is missing.
    unreadable = 0 if (paths.proc / "1").exists() else 1
    for entry in os.listdir(paths.proc):
        if not entry.isdecimal():
            continue
        pid = int(entry)
        try:
            found = look(pid, paths)
        except PermissionError:
            arguments = arguments_of(pid, paths)
            # Kernel threads and zombies have no command line, and no files.
            if arguments:
                unreadable += 1
                if is_vmm(arguments):
                    hidden.append(HiddenVmm(pid, process_name(pid, paths), vm_name(arguments), arguments))
        except OSError:
            continue
        else:
            if found is not None:
                processes.append(found)
    return Scan(tuple(processes), tuple(hidden), unreadable)


def _no_nodes(folder: os.PathLike[str]) -> bool:
    """Whether the folder has neither a group's node nor that of the cdevs; a folder closed to this user may have."""
    try:
        return all(name == "vfio" for name in os.listdir(folder))
    except PermissionError:
        return False
    except OSError:
        return True


def look(pid: int, paths: Paths = HOST) -> VfioProcess | None:
    """One process, None when it has nothing to do with VFIO. Raises OSError when it cannot be looked into."""
    folder = f"{paths.proc}/{pid}"
    groups: dict[int, int] = {}
    cdevs: dict[str, int] = {}
    devices: list[DeviceFd] = []
    fds: list[int] = []
    for fd, link in _links(folder):
        if link == DEVICE_LINK:
            devices.append(DeviceFd(fd, syspath_of(fd, pid, paths)))
            fds.append(fd)
        elif match := _GROUP.fullmatch(link):
            groups[int(match[1])] = fd
        elif name := cdev_of(link):
            cdevs.setdefault(name, fd)
            fds.append(fd)
    if not (groups or cdevs or devices):
        return None
    arguments = arguments_of(pid, paths)
    name, viewer = vm_name(arguments), is_viewer(arguments)
    return VfioProcess(pid, process_name(pid, paths), name, groups, cdevs, tuple(devices), tuple(fds), viewer)


def cdev_of(link: str) -> str | None:
    """The name of the cdev that a link of ``/proc/PID/fd`` leads to, None for another file."""
    match = _CDEV.fullmatch(link)
    return match[1] if match else None


def _links(folder: str) -> list[tuple[int, str]]:
    """The VFIO files by fd, in order. A file that is closed meanwhile is left out."""
    files = f"{folder}/fd/"
    found: list[tuple[int, str]] = []
    # The one loop that runs for every open file of the host.
    for name in os.listdir(files):
        try:
            link = os.readlink(files + name)  # noqa: PTH115
        except FileNotFoundError:
            continue
        if "vfio" in link:
            # The node of a device may have been removed while it is open.
            found.append((int(name), link.removesuffix(" (deleted)")))
    return sorted(found)


def syspath_of(fd: int, pid: int | str, paths: Paths = HOST) -> str | None:
    """What fdinfo says of a device fd since Linux 6.18 ("vfio/pci: print vfio-device syspath to fdinfo")."""
    for line in _read(f"{paths.proc}/{pid}/fdinfo/{fd}").splitlines():
        key, _, value = line.partition(":")
        if key == "vfio-device-syspath":
            return value.strip()
    return None


def process_name(pid: int, paths: Paths = HOST) -> str:
    """Its name as it chose it, "?" when that cannot be seen."""
    return _read(f"{paths.proc}/{pid}/comm").rstrip("\n") or "?"


def arguments_of(pid: int, paths: Paths = HOST) -> tuple[str, ...]:
    """Its command line; empty for a kernel thread, a zombie, and where it cannot be seen."""
    text = _read(f"{paths.proc}/{pid}/cmdline").removesuffix("\0")
    return tuple(text.split("\0")) if text else ()


def _read(file: str) -> str:
    try:
        with open(file, "rb") as stream:  # noqa: PTH123
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def is_vmm(arguments: tuple[str, ...]) -> bool:
    """Whether a command line is that of a virtual machine monitor, by the program's name."""
    return bool(arguments and _VMM.match(arguments[0].rsplit("/", 1)[-1]))


def is_viewer(arguments: tuple[str, ...]) -> bool:
    """Whether it is this program: by its name, by ``python3 /usr/bin/mdevview``, or by ``python3 -m mdevview``."""
    return any(each.rsplit("/", 1)[-1] == "mdevview" for each in arguments[:4])
