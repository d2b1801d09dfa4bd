"""One scan of the host's processes: who has VFIO files open, as ``/proc/PID/fd`` shows it.

A process that opened a device by its group holds ``/dev/vfio/N`` and one or more ``anon_inode:[vfio-device]``. One that
opened it by its cdev holds ``/dev/vfio/devices/vfioX``. The scan opens no device: if it had a group open, even for a
moment, a VM that starts in that moment would fail with EBUSY.
"""

import errno
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from app.host import proc
from app.host.paths import HOST, Paths
from app.qemu import command_line
from app.text.clean import clean

DEVICE_LINK = "anon_inode:[vfio-device]"
_GROUP = re.compile(r"/dev/vfio/(?:noiommu-)?(\d+)")
_CDEV = re.compile(r"/dev/vfio/devices/(vfio\d+)")
# A process that runs a virtual CPU has these files open.
_KVM = ("anon_inode:kvm-vm", "anon_inode:kvm-vcpu", "/dev/kvm")
_IOMMUFD = "/dev/iommu"
_DMABUF = "/dmabuf"
_INTERESTING = ("/dev/vfio/", DEVICE_LINK, _IOMMUFD, _DMABUF, *_KVM)
# The scan trusts the command line of a process whose files are hidden only if it has one of these names.
_VMM = re.compile(r"(qemu|kvm|cloud-hypervisor|crosvm)")


@dataclass(frozen=True, slots=True)
class DeviceFd:
    """An ``anon_inode:[vfio-device]``. ``syspath`` is the path of its device in sysfs; None before Linux 6.18."""

    fd: int
    syspath: str | None = None

    @property
    def device(self) -> str | None:
        """The sysfs name of the device."""
        return self.syspath.rsplit("/", 1)[-1] if self.syspath else None


@dataclass(frozen=True, slots=True)
class ScannedProcess:
    """What a scan saw of one process.

    ``started`` is in clock ticks since boot; it and ``parent`` are 0 if they cannot be seen. ``arguments`` is the
    command line, or its start if ``arguments_cut``. ``files_hidden`` says that its fds could not be listed: then all
    the following members are empty. ``groups`` and ``cdevs`` map the number of a group and the name of a cdev to the
    fd. ``device_fds`` were opened by a group. ``fds`` are all fds that may be a device (``device_fds`` and ``cdevs``),
    sorted. ``kvm`` and ``iommufd`` say whether it holds such a file.
    """

    pid: int
    name: str
    started: int = 0
    parent: int = 0
    arguments: tuple[str, ...] = ()
    arguments_cut: bool = False
    files_hidden: bool = False
    groups: dict[int, int] = field(default_factory=dict)
    cdevs: dict[str, int] = field(default_factory=dict)
    device_fds: tuple[DeviceFd, ...] = ()
    fds: tuple[int, ...] = ()
    dmabuf_fds: tuple[int, ...] = ()
    kvm: bool = False
    iommufd: bool = False

    @property
    def vm_name(self) -> str | None:
        """The name of the VM on its command line, as it is shown; see :meth:`is_vm`."""
        name = command_line.vm_name(self.arguments)
        return clean(name) if name else None

    def is_vm(self, name: str) -> bool:
        """Whether this is exactly the name of the VM on its command line, however long and of whatever characters."""
        return command_line.vm_name(self.arguments) == name

    @property
    def is_vmm(self) -> bool:
        """Whether the command line is that of a virtual machine monitor, by the program's name."""
        return _is_vmm(self.arguments)

    @property
    def is_viewer(self) -> bool:
        """Whether it is this program: ``mdevview``, ``python3 /usr/bin/mdevview`` or ``python3 -m mdevview``.

        A viewer closes a VM's device when the VM ends. Any process may take this name.
        """
        return any(each.rsplit("/", 1)[-1] == "mdevview" for each in self.arguments[:4])

    def fd_of(self, device: str) -> int | None:
        """Its fd of the device with that sysfs name, opened by a group. The kernel tells this since Linux 6.18."""
        return next((each.fd for each in self.device_fds if each.device == device), None)


@dataclass(frozen=True)
class HostScan:
    """The result of one scan of the processes. It is passed on to all who need it, so that nobody scans twice.

    ``processes`` are those with VFIO files, and the VMMs of other users, whose files cannot be seen. ``pids`` are the
    pids of all processes. ``hidden`` are the pids of those whose files this user may not list. ``all_listed`` is False
    if the processes of other users are not listed at all.
    """

    paths: Paths = HOST
    pids: tuple[int, ...] = ()
    processes: tuple[ScannedProcess, ...] = ()
    hidden: frozenset[int] = frozenset()
    all_listed: bool = True
    _skipped: bool = False
    """Whether the scan read no process, because this host has no device node."""

    @classmethod
    def take(cls, paths: Paths = HOST) -> "HostScan":
        """Scan every process once. Skips processes that end meanwhile.

        Raises OSError if this program can open no more files: every process would seem to be another user's.
        """
        skipped = _has_no_nodes(paths.dev / "vfio")
        pids: list[int] = []
        processes: list[ScannedProcess] = []
        hidden: set[int] = set()
        with suppress(FileNotFoundError), proc.open_folder(paths.proc) as folder:
            pids = sorted(int(each) for each in os.listdir(folder) if each.isdecimal())
            for pid in () if skipped else pids:
                try:
                    process = _scan_process(pid, folder)
                except (FileNotFoundError, ProcessLookupError):
                    continue
                except OSError as error:
                    proc.raise_if_exhausted(error)
                    process = _scan_hidden_process(pid, folder, hidden)
                if process is not None:
                    processes.append(process)
        # If /proc is mounted with hidepid=invisible, other users' processes are not listed. Then process 1 is missing.
        all_listed = skipped or 1 in pids
        return cls(paths, tuple(pids), tuple(processes), frozenset(hidden), all_listed, skipped)

    @property
    def complete(self) -> bool:
        """Whether the scan found the holders of every open device.

        Since Linux 6.18 a device fd tells its device. Before, a fd of a process without the group may be any device.
        A viewer's fd does not matter: it is a duplicate of a VM's fd, and the scan finds the VM.
        """
        placed = all(
            each.groups or each.is_viewer or all(fd.syspath for fd in each.device_fds) for each in self.processes
        )
        return placed and self.all_listed and not self.hidden

    def process(self, pid: int) -> ScannedProcess | None:
        """The process that had this pid, without fds if it has no VFIO files. None if there was none."""
        if pid not in self._by_pid and pid in self.pids:
            process = self._scan_late(pid)
            if process is not None:
                self._by_pid[pid] = process
        return self._by_pid.get(pid)

    def _scan_late(self, pid: int) -> ScannedProcess | None:
        """Read a process that is not in ``processes``."""
        files_hidden = pid in self.hidden
        try:
            with proc.open_folder(self.paths.proc) as above:
                if self._skipped:
                    # A process in a container may have a device open although this host has no node.
                    try:
                        process = _scan_process(pid, above)
                    except PermissionError:
                        process, files_hidden = None, True
                    if process is not None:
                        return process
                with suppress(PermissionError), proc.open_folder(str(pid), above) as folder:
                    return _described(pid, folder, *_arguments(folder), files_hidden)
                # /proc is mounted with hidepid=noaccess.
                return ScannedProcess(pid, "?", files_hidden=True)
        except OSError as error:
            proc.raise_if_exhausted(error)
            return None

    @cached_property
    def vms(self) -> tuple[ScannedProcess, ...]:
        """Every VM of a known VMM, with or without a VFIO device, of any user.

        The command lines are read once, at the first use. VMs that are not in ``processes`` have no fds here.
        """
        vms: list[ScannedProcess] = []
        with suppress(FileNotFoundError), proc.open_folder(self.paths.proc) as above:
            for pid in self.pids:
                process = self._by_pid.get(pid)
                if process is None:
                    process = _scan_vmm(pid, above, pid in self.hidden)
                if process is not None and process.is_vmm:
                    vms.append(process)
        return tuple(vms)

    @cached_property
    def _by_pid(self) -> dict[int, ScannedProcess]:
        return {each.pid: each for each in self.processes}


def cdev_of(link: str) -> str | None:
    """The name of the cdev that a link of ``/proc/PID/fd`` leads to; None for another file."""
    match = _CDEV.fullmatch(link)
    return match[1] if match else None


def _has_no_nodes(folder: os.PathLike[str]) -> bool:
    """Whether there is no node of a group or a cdev, so that no process can have a device open.

    False if this user may not read the folder.
    """
    try:
        return all(name == "vfio" for name in os.listdir(folder))
    except PermissionError:
        return False
    except OSError as error:
        proc.raise_if_exhausted(error)
        return True


def _scan_process(pid: int, above: int) -> ScannedProcess | None:
    """One process; None if it has no VFIO files. Raises OSError if its files cannot be listed."""
    with proc.open_folder(str(pid), above) as folder:
        groups: dict[int, int] = {}
        cdevs: dict[str, int] = {}
        devices: list[DeviceFd] = []
        fds: list[int] = []
        others: list[tuple[int, str]] = []
        for fd, link in _links(folder):
            if link == DEVICE_LINK:
                devices.append(DeviceFd(fd, proc.read_syspath(fd, folder)))
                fds.append(fd)
            elif match := _GROUP.fullmatch(link):
                groups[int(match[1])] = fd
            elif name := cdev_of(link):
                cdevs.setdefault(name, fd)
                fds.append(fd)
            else:
                others.append((fd, link))
        if not (groups or cdevs or devices):
            return None
        return replace(
            _described(pid, folder, *_arguments(folder)),
            groups=groups,
            cdevs=cdevs,
            device_fds=tuple(devices),
            fds=tuple(fds),
            dmabuf_fds=tuple(fd for fd, link in others if link.startswith(_DMABUF)),
            kvm=any(link.startswith(_KVM) for _, link in others),
            iommufd=any(link.startswith(_IOMMUFD) for _, link in others),
        )


def _links(folder: int) -> list[tuple[int, str]]:
    """The (fd, link) pairs of the files that matter, sorted. Skips files that are closed meanwhile."""
    links: list[tuple[int, str]] = []
    with proc.open_folder("fd", folder) as files:
        # This loop runs for every open file of the host.
        for name in os.listdir(files):
            try:
                link = os.readlink(name, dir_fd=files)
            except FileNotFoundError:
                continue
            except OSError as error:
                # The path is longer than a page. No device has such a path.
                if error.errno != errno.ENAMETOOLONG:
                    raise
                continue
            if link.startswith(_INTERESTING):
                # A node may be removed while it is open.
                links.append((int(name), link.removesuffix(" (deleted)")))
    return sorted(links)


def _scan_hidden_process(pid: int, above: int, hidden: set[int]) -> ScannedProcess | None:
    """A process whose files may not be listed: a VMM with its command line, else None. Adds its pid to ``hidden``."""
    try:
        with proc.open_folder(str(pid), above) as folder:
            arguments, is_cut = proc.read_arguments(folder)
            # Kernel threads and zombies have no command line, and no files.
            if arguments:
                hidden.add(pid)
            return _described(pid, folder, arguments, is_cut, files_hidden=True) if _is_vmm(arguments) else None
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        proc.raise_if_exhausted(error)
        hidden.add(pid)
        return None


def _scan_vmm(pid: int, above: int, files_hidden: bool) -> ScannedProcess | None:
    """A VMM, recognised by its command line alone; None for another process."""
    try:
        with proc.open_folder(str(pid), above) as folder:
            arguments, is_cut = proc.read_arguments(folder)
            return _described(pid, folder, arguments, is_cut, files_hidden) if _is_vmm(arguments) else None
    except OSError as error:
        proc.raise_if_exhausted(error)
        return None


def _described(
    pid: int, folder: int, arguments: tuple[str, ...], is_cut: bool, files_hidden: bool = False
) -> ScannedProcess:
    """A process without its fds."""
    stat = proc.read_stat(folder)
    return ScannedProcess(
        pid=pid,
        name=proc.read_name(folder),
        started=stat.started if stat else 0,
        parent=stat.parent if stat else 0,
        arguments=arguments,
        arguments_cut=is_cut,
        files_hidden=files_hidden,
    )


def _arguments(folder: int) -> tuple[tuple[str, ...], bool]:
    """The command line; empty if it cannot be read."""
    try:
        return proc.read_arguments(folder)
    except OSError as error:
        proc.raise_if_exhausted(error)
        return (), False


def _is_vmm(arguments: tuple[str, ...]) -> bool:
    return bool(arguments and _VMM.match(arguments[0].rsplit("/", 1)[-1]))
