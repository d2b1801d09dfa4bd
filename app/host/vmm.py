"""Which of the processes that hold a device is its VM, and which VMs run.

A device's fd may be in several processes: those a VM forked, and viewers, which hold a duplicate of it. A duplicate
outlives the VM, so that following a viewer would be following nobody.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from app.host import holders
from app.host.holders import VfioProcess, arguments_of, is_viewer, is_vmm, process_name
from app.host.paths import HOST, Paths
from app.host.process import start_time
from app.host.vm import Vm
from app.qemu.command_line import vm_name

# What a process has open that runs a virtual CPU.
_KVM = ("anon_inode:kvm-vm", "anon_inode:kvm-vcpu", "/dev/kvm")
_IOMMUFD = "/dev/iommu"


class Role(IntEnum):
    """What a holder of a device is; the larger, the more it is the VM.

    A ``BORROWER`` holds the device's fd and nothing that it could have been opened with. An ``OWNER`` opened it.
    """

    VIEWER = 0
    BORROWER = 1
    OWNER = 2
    VMM = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A holder as it is ranked. ``started`` is in clock ticks since boot."""

    pid: int
    role: Role
    started: int
    parent: int


def vm_of(pid: int, paths: Paths = HOST) -> Vm:
    """The facts of the VM that a process is; what cannot be seen is left out."""
    arguments = arguments_of(pid, paths)
    try:
        cwd = os.readlink(paths.proc / str(pid) / "cwd")  # noqa: PTH115
    except OSError:
        cwd = None
    return Vm(pid, process_name(pid, paths), vm_name(arguments), arguments, cwd)


def running_vms(paths: Paths = HOST) -> tuple[Vm, ...]:
    """Every VM that a known VMM runs, with or without a VFIO device, whoever's it is."""
    found = []
    for entry in sorted((each for each in os.listdir(paths.proc) if each.isdecimal()), key=int):
        if is_vmm(arguments_of(int(entry), paths)):
            found.append(vm_of(int(entry), paths))
    return tuple(found)


def suspect(pid: int, seen: VfioProcess | None, paths: Paths = HOST) -> Suspect:
    """``seen`` is what of VFIO it has open, None when that may not be looked at."""
    arguments = arguments_of(pid, paths)
    parent, started = _parent_and_start(pid, paths)
    if is_vmm(arguments) or _holds(pid, _KVM, paths):
        role = Role.VMM
    elif is_viewer(arguments):
        role = Role.VIEWER
    elif seen is None or seen.groups or (seen.cdevs and _holds(pid, (_IOMMUFD,), paths)):
        role = Role.OWNER
    else:
        role = Role.BORROWER
    return Suspect(pid, role, started, parent)


def ranked(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Those that may be the VM, the likeliest first: by role, and of a process and its forks the oldest."""
    possible = [each for each in suspects if each.role >= Role.OWNER]
    return sorted(possible, key=lambda each: (-each.role, _depth(each, possible), each.started, each.pid))


def _depth(one: Suspect, others: list[Suspect]) -> int:
    """How many of the others it descends from. Start times alone are too coarse: a fork takes less than a tick."""
    by_pid = {each.pid: each for each in others}
    depth = 0
    above = by_pid.get(one.parent)
    while above is not None and depth < len(others):
        depth += 1
        above = by_pid.get(above.parent)
    return depth


def _holds(pid: int, wanted: tuple[str, ...], paths: Paths) -> bool:
    folder = f"{paths.proc}/{pid}/fd/"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            link = os.readlink(folder + name)  # noqa: PTH115
        except OSError:
            continue
        if link.startswith(wanted):
            return True
    return False


def _parent_and_start(pid: int, paths: Paths) -> tuple[int, int]:
    """Fields 4 and 22 of proc_pid_stat(5); zero where they cannot be seen."""
    try:
        stat = (paths.proc / str(pid) / "stat").read_bytes()
        return int(stat[stat.rindex(b")") + 1 :].split()[1]), start_time(pid, paths)
    except (OSError, ValueError, IndexError):
        return 0, 0


def held_by(pid: int, paths: Paths = HOST) -> VfioProcess | None:
    """What of VFIO a process has open; None when nothing, or when that may not be looked at."""
    try:
        return holders.look(pid, paths)
    except OSError:
        return None
