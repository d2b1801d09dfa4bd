"""One scan of the host's processes: who has VFIO files open, as ``/proc/PID/fd`` shows it.

A process that opened a device by its group holds ``/dev/vfio/N`` and one or more ``anon_inode:[vfio-device]``. One that
opened it by its cdev holds ``/dev/vfio/devices/vfioX``. The scan opens no device: if it had a group open, even for a
moment, a VM that starts in that moment would fail with EBUSY.
"""

import errno
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from app.host import proc
from app.host.command_lines import read_command_lines
from app.host.paths import HOST, Paths, text_of
from app.host.scanned_process import DeviceFd, ScannedProcess, has_name_of_vmm
from app.host.stalled_reads import read_each

_DEVICE_LINK = "anon_inode:[vfio-device]"
_GROUP = re.compile(r"/dev/vfio/(?:noiommu-)?(\d+)")
_CDEV = re.compile(r"/dev/vfio/devices/(vfio\d+)")
# A process that runs a virtual CPU has these files open.
_KVM = ("anon_inode:kvm-vm", "anon_inode:kvm-vcpu", "/dev/kvm")
_IOMMUFD = "/dev/iommu"
_DMABUF = "/dmabuf"
_INTERESTING = ("/dev/vfio/", _DEVICE_LINK, _IOMMUFD, _DMABUF, *_KVM)
# A VMM needs fewer open files, and fewer device fds.
_MOST_FILES = 1 << 16
# So many files of each process are read in any case. What goes beyond has a common limit, which takes about four
# seconds: any user may start many processes with many files.
_FEW_FILES = 1 << 10
_MOST_FILES_BEYOND = 1 << 20
_MOST_DEVICES = 1 << 8


@dataclass(frozen=True)
class HostScan:
    """The result of one scan of the processes. It is passed on to all who need it, so that nobody scans twice.

    ``processes`` are those with VFIO files. ``pids`` are the pids of all processes. ``hidden`` are the pids of those
    whose files this user may not list, or that have too many files. ``all_listed`` is False if the processes of other
    users are not listed at all.
    """

    paths: Paths = HOST
    pids: tuple[int, ...] = ()
    processes: tuple[ScannedProcess, ...] = ()
    hidden: frozenset[int] = frozenset()
    all_listed: bool = True
    _skipped: bool = False
    """Whether the scan read no process, because this host has no device node."""
    _named_like_vmms: tuple[int, ...] = ()
    """The pids of the hidden processes with the name of a VMM."""
    _unread: frozenset[int] = frozenset()
    """The pids of the hidden processes that make a reader wait."""

    @classmethod
    def take(cls, paths: Paths = HOST) -> "HostScan":
        """Scan every process once. Skips processes that end meanwhile.

        Raises OSError if this program can open no more files: every process would seem to be another user's.
        """
        skipped = _has_no_nodes(paths.dev / "vfio")
        pids: list[int] = []
        processes: list[ScannedProcess] = []
        hidden: set[int] = set()
        named_like_vmms: list[int] = []
        with suppress(FileNotFoundError), proc.open_folder(paths.proc) as folder:
            pids = sorted(int(each) for each in os.listdir(folder) if each.isdecimal())
        files = _FileLimit()
        looks, unread = read_each(() if skipped else pids, lambda pid, above: _look(pid, above, paths, files), paths)
        hidden.update(unread)
        for pid, (process, is_hidden, name) in looks.items():
            if is_hidden:
                hidden.add(pid)
                if has_name_of_vmm(name.encode()):
                    named_like_vmms.append(pid)
            if process is not None:
                processes.append(process)
        # If /proc is mounted with hidepid=invisible, other users' processes are not listed. Then process 1 is missing.
        all_listed = skipped or 1 in pids
        return cls(
            paths,
            tuple(pids),
            _with_command_lines(processes, paths),
            frozenset(hidden),
            all_listed,
            skipped,
            tuple(named_like_vmms),
            frozenset(unread),
        )

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
        if pid in self._unread:
            return ScannedProcess(pid, "?", files_hidden=True)
        files_hidden = pid in self.hidden
        process: ScannedProcess | None = None
        try:
            with proc.open_folder(self.paths.proc) as above:
                if self._skipped:
                    # A process in a container may have a device open although this host has no node.
                    try:
                        process, _ = _scan_process(pid, above, self.paths, _FileLimit())
                    except PermissionError:
                        files_hidden = True
                if process is None:
                    process = _described_hidden(pid, above, files_hidden)
        except OSError as error:
            proc.raise_if_exhausted(error)
            return None
        return _with_command_lines([process], self.paths)[0]

    @cached_property
    def vms(self) -> tuple[ScannedProcess, ...]:
        """Every VM of a known VMM, with or without a VFIO device, of any user, by the programs' names.

        The command lines are read once, at the first use. VMs that are not in ``processes`` have no fds here.
        """
        return self._vms_among(self.pids)

    @cached_property
    def hidden_vms(self) -> tuple[ScannedProcess, ...]:
        """The processes among ``vms`` whose files are hidden. Processes that changed their name may be missing."""
        return self._vms_among(self._named_like_vmms)

    @cached_property
    def unread(self) -> set[int]:
        """The pids of the processes whose command lines :attr:`vms` could not read."""
        return set()

    def _vms_among(self, pids: Sequence[int]) -> tuple[ScannedProcess, ...]:
        by_pid = {each.pid: each for each in self.processes}
        lines = read_command_lines([each for each in pids if each not in by_pid], self.paths, has_name_of_vmm)
        self.unread.update(lines.unread)
        with suppress(FileNotFoundError), proc.open_folder(self.paths.proc) as above:
            for pid, text in lines.texts.items():
                with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                    found = _described_hidden(pid, above, pid in self.hidden)
                    if found.started == text.started:
                        by_pid[pid] = replace(found, command_line=text.data, arguments_cut=text.is_cut)
        return tuple(by_pid[pid] for pid in pids if pid in by_pid and by_pid[pid].is_vmm)

    @cached_property
    def _by_pid(self) -> dict[int, ScannedProcess]:
        return {each.pid: each for each in self.processes}


def _cdev_of(link: str) -> str | None:
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


class _FileLimit:
    """How many files one scan still reads."""

    def __init__(self) -> None:
        self._beyond = _MOST_FILES_BEYOND

    def of_next_process(self) -> int:
        return min(_MOST_FILES, _FEW_FILES + self._beyond)

    def count(self, read: int) -> None:
        self._beyond -= max(0, read - _FEW_FILES)


def _look(pid: int, above: int, paths: Paths, files: _FileLimit) -> tuple[ScannedProcess | None, bool, str]:
    """One process if it has VFIO files, whether files of it are hidden, and its name if all are.

    Raises OSError if this program can open no more files.
    """
    try:
        process, are_all_seen = _scan_process(pid, above, paths, files)
    except (FileNotFoundError, ProcessLookupError):
        return None, False, ""
    except OSError as error:
        proc.raise_if_exhausted(error)
        name = _name_of_hidden_process(pid, above)
        return None, name is not None, name or ""
    return process, not are_all_seen, ""


def _scan_process(pid: int, above: int, paths: Paths, files: _FileLimit) -> tuple[ScannedProcess | None, bool]:
    """One process, and whether all its files were seen. None if it has no VFIO files.

    Its command line is not read yet. Raises OSError if its files cannot be listed.
    """
    with proc.open_folder(str(pid), above) as folder:
        groups: dict[int, int] = {}
        cdevs: dict[str, int] = {}
        devices: list[DeviceFd] = []
        fds: list[int] = []
        others: list[tuple[int, str]] = []
        links, are_all_seen = _links(folder, files)
        for fd, link in links:
            if link == _DEVICE_LINK:
                if len(devices) == _MOST_DEVICES:
                    are_all_seen = False
                    continue
                devices.append(DeviceFd(fd, proc.read_syspath(fd, folder)))
                fds.append(fd)
            elif match := _GROUP.fullmatch(link):
                if _is_node(fd, folder, paths.sys / "class/vfio" / link.rpartition("/")[2]):
                    groups[int(match[1])] = fd
            elif name := _cdev_of(link):
                if _is_node(fd, folder, paths.sys / "class/vfio-dev" / name):
                    cdevs.setdefault(name, fd)
                    fds.append(fd)
            else:
                others.append((fd, link))
        if not (groups or cdevs or devices):
            return None, are_all_seen
        return replace(
            _described(pid, folder),
            groups=groups,
            cdevs=cdevs,
            device_fds=tuple(devices),
            fds=tuple(fds),
            dmabuf_fds=tuple(fd for fd, link in others if link.startswith(_DMABUF)),
            kvm=any(link.startswith(_KVM) for _, link in others),
            iommufd=any(link.startswith(_IOMMUFD) for _, link in others),
        ), are_all_seen


def _links(folder: int, limit: _FileLimit) -> tuple[list[tuple[int, str]], bool]:
    """The (fd, link) pairs of the files that matter, sorted, and whether all files were seen.

    Skips files that are closed meanwhile.
    """
    links: list[tuple[int, str]] = []
    with proc.open_folder("fd", folder) as files, os.scandir(files) as entries:
        count = 0
        # This loop runs for every open file of the host.
        for count, entry in enumerate(islice(entries, limit.of_next_process()), 1):  # noqa: B007
            name = entry.name
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
        limit.count(count)
        are_all_seen = next(entries, None) is None
    return sorted(links), are_all_seen


def _is_node(fd: int, folder: int, device: Path) -> bool:
    """Whether the fd of a process can be the node of this device, by its number in sysfs.

    The path of a file is no evidence: in a mount namespace of its own any user may put any file at it.
    """
    known = text_of(device / "dev")
    # Most scans find no node, and the import of ctypes takes 3 ms.
    from app.host.vfio_file import device_number  # noqa: PLC0415

    try:
        number = device_number(f"/proc/self/fd/{folder}/fd/{fd}")
    except OSError:
        # It was closed since its link was read, or it is on a FUSE file system that is closed to other users. For a
        # device that sysfs does not have this decides nothing.
        return known is None
    return number is not None and known in (None, f"{number[0]}:{number[1]}")


def _name_of_hidden_process(pid: int, above: int) -> str | None:
    """The name of a process whose files may not be listed, "" if it is unknown. None if it has no files."""
    try:
        with proc.open_folder(str(pid), above) as folder:
            stat = proc.read_stat(folder)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        proc.raise_if_exhausted(error)
        return ""
    if stat is None:
        return ""
    return None if stat.has_no_files else stat.name


def _described(pid: int, folder: int) -> ScannedProcess:
    """A process without its fds and its command line."""
    stat = proc.read_stat(folder)
    return ScannedProcess(
        pid=pid,
        name=proc.read_name(folder),
        started=stat.started if stat else 0,
        parent=stat.parent if stat else 0,
        uid=proc.read_uid(folder),
    )


def _described_hidden(pid: int, above: int, files_hidden: bool) -> ScannedProcess:
    """Like :func:`_described`, for a process whose folder this user may perhaps not open. Raises OSError."""
    with suppress(PermissionError), proc.open_folder(str(pid), above) as folder:
        return replace(_described(pid, folder), files_hidden=files_hidden)
    # /proc is mounted with hidepid=noaccess.
    return ScannedProcess(pid, "?", files_hidden=True)


def _with_command_lines(processes: Sequence[ScannedProcess], paths: Paths) -> tuple[ScannedProcess, ...]:
    """The processes with their command lines. A command line that cannot be read is empty and cut."""
    if not processes:
        return ()
    texts = read_command_lines([each.pid for each in processes], paths).texts
    result = []
    for each in processes:
        text = texts.get(each.pid)
        is_same = text is not None and text.started == each.started
        result.append(
            replace(each, command_line=text.data, arguments_cut=text.is_cut)
            if text is not None and is_same
            else replace(each, arguments_cut=True)
        )
    return tuple(result)
