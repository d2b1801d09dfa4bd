"""Attaches to the device of a running VM through a duplicate of the VM's own fd.

Only the VMM can open a vGPU in use: a group opens once, and GVT-g opens only in the VM's process. But an ioctl depends
only on the open file, so a duplicate made by pidfd_getfd(2) works like the VM's own fd, even while the VM is stopped.
The duplicate keeps the device open after the VM has ended. Close it at once, or the VM's next start fails with EBUSY.
"""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from app.abi.kcmp import is_same_file
from app.attach.duplicates import (
    AS_THIS_USER,
    DuplicatedDevice,
    ProcessAccess,
    ProcessDevices,
    duplicate_devices,
    identify,
    vm_ended,
    vm_text,
)
from app.device.seam import Device
from app.errors import (
    DeviceBusy,
    DeviceGone,
    MdevviewError,
    NoSuchDevice,
    OpenFailed,
    ProcessGone,
    UsageError,
)
from app.host import vmm
from app.host.dbus_display import has_dbus_display
from app.host.discovery import discover
from app.host.drivers import display_advice
from app.host.proc import raise_if_exhausted
from app.host.process import Process, start_time
from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.host.wording import holders_text, of_user, unseen_text, vm_words
from app.text.clean import clean

_log = logging.getLogger(__name__)


# Any user may start many processes that claim a device, and each of these may ask for a password.
_MOST_ASKED = 3
# The processes that an error lists.
_MOST_NAMED = 8


class NotTheHolder(DeviceBusy):
    """The processes that claim the device do not have it open."""


class NoVfioDevice(NoSuchDevice):
    """The process is there, and has no VFIO device open."""


@dataclass(frozen=True, slots=True)
class AttachedDevice:
    """``device`` and ``process`` belong to the owner of this object.

    ``vgpu`` is None if it is unknown which vGPU the device is; ``certain`` is False unless the kernel tells it.
    ``number`` is the fd in the VM's process, ``own_fd`` the fd in this process. ``hidden`` says that this user may not
    see the VM's files.
    """

    device: Device
    process: Process
    vm: Vm
    number: int
    own_fd: int
    vgpu: Vgpu | None = None
    certain: bool = False
    role: vmm.Role = vmm.Role.VMM
    hidden: bool = False


def attach(vgpu: Vgpu, scan: HostScan, access: ProcessAccess = AS_THIS_USER) -> AttachedDevice:
    """Attach to this vGPU in the VM that has it open according to the scan, or in one that claims it and has it.

    Raises DeviceBusy if no VM has it, or its VM is not ready (NotTheHolder if those that claim it do not have it);
    ProcessGone if the VM has ended since the scan (try with a new scan); PermissionDenied; OpenFailed if the device has
    no display.
    """
    vgpus = discover(scan)
    now = next((each for each in vgpus if each.name == vgpu.name), None)
    if now is None:
        raise DeviceGone(f"{vgpu.name} was removed", "'mdevview list' shows what is there")
    holding = _holding_processes(now, scan)
    trusted = vmm.trusted_users(scan.paths)
    # Nothing may be decided by a claim. But these processes may be asked for their devices.
    claiming = vmm.ranked(_claiming_processes(now, scan), trusted)[:_MOST_ASKED] if not holding else []
    gone: ProcessGone | None = None
    with ExitStack() as stack:
        processes: dict[int, Process] = {}
        candidates: list[ScannedProcess] = []
        for scanned in holding or claiming:
            try:
                processes[scanned.pid] = stack.enter_context(_open(scanned, scan, access))
            except ProcessGone as error:
                gone = error
            else:
                candidates.append(scanned)
        ranked = vmm.ranked(candidates, trusted)
        if not ranked:
            raise gone or _not_a_vm(now)
        problem: MdevviewError | None = None
        for scanned in ranked:
            process = processes[scanned.pid]
            try:
                attached = _attach(process, scanned, vgpus, scan, access, lambda one: _is(one, now))
            except (DeviceBusy, OpenFailed, NoSuchDevice) as error:
                is_told = isinstance(error, OpenFailed | ProcessGone) or (
                    isinstance(error, DeviceBusy) and bool(holding)
                )
                problem = problem or (error if is_told else _not_opened(now, scanned, scan))
                continue
            stack.pop_all()
            _close_others(processes, scanned.pid)
            return attached
    assert problem is not None
    raise problem


def _holding_processes(vgpu: Vgpu, scan: HostScan) -> list[ScannedProcess]:
    """The processes that are seen to have the vGPU open, except this one."""
    scanned = (scan.process(pid) for pid in {each.pid for each in vgpu.holders if each.pid != os.getpid()})
    return [each for each in scanned if each is not None]


def _claiming_processes(vgpu: Vgpu, scan: HostScan) -> list[ScannedProcess]:
    """The processes that cannot be seen and that name the vGPU in their arguments."""
    pids = {each.pid for each in vgpu.claims}
    return [each for each in scan.hidden_vms if each.pid in pids]


def attach_pid(pid: int, number: int | None, scan: HostScan, access: ProcessAccess = AS_THIS_USER) -> AttachedDevice:
    """Attach to the device with a display of a process. ``number`` is its fd there, needed if there are several.

    Raises ProcessGone, also for a process that has started since the scan; PermissionDenied; NoSuchDevice if it has no
    such device; UsageError if it has several.
    """
    if pid == os.getpid():
        raise UsageError(f"pid:{pid} is this program itself", "give the pid of a VM ('mdevview list')")
    return _attach_to(pid, scan.process(pid), number, scan, access)


def _attach_to(
    pid: int, scanned: ScannedProcess | None, number: int | None, scan: HostScan, access: ProcessAccess
) -> AttachedDevice:
    with ExitStack() as stack:
        if scanned is not None:
            process = stack.enter_context(_open(scanned, scan, access))
        else:
            process = stack.enter_context(access.open_process(pid))
            # If /proc is mounted with hidepid=invisible, it has no folder for another user's process.
            if (scan.paths.proc / str(pid)).exists():
                raise ProcessGone(f"process {pid} has only just started", "try again")
        role = vmm.role(scanned) if scanned is not None else vmm.Role.OPENER
        if role is vmm.Role.VIEWER:
            raise UsageError(f"process {pid} is a viewer itself", "give the pid of the VM ('mdevview list')")

        def wanted(each: DuplicatedDevice) -> bool:
            return number is None or each.number == number

        attached = _attach(process, scanned, discover(scan), scan, access, wanted, number)
        stack.pop_all()
        return attached


def attach_vm(name: str, scan: HostScan, access: ProcessAccess = AS_THIS_USER) -> AttachedDevice:
    """Attach to the device with a display of the VM ``name``. Raises like :func:`attach_pid`."""
    vm = vm_named(name, scan)
    scanned = scan.process(vm.pid)
    if scanned is None or scanned.started != vm.started:
        raise ProcessGone(f"VM {clean(name)} has ended", "start it again")
    return _attach_to(vm.pid, scanned, None, scan, access)


def vm_named(name: str, scan: HostScan) -> ScannedProcess:
    """The process of the VM of that name or number. Raises NoSuchDevice, and UsageError if there are several.

    Any process may have a VM's name or number. So a process that has a VFIO device comes before one whose files are
    hidden or that has a D-Bus display, and those before one without a screen. Among equals this user's process is
    taken, and then that of a user who may have opened a device.
    """
    named = [each for each in scan.vms if each.is_vm(name)]
    if not named:
        names = sorted({vm_words(each.vm_name, each.vm_id) for each in scan.vms if each.vm_name or each.vm_id})
        known = f"there are: {'; '.join(names)}" if names else "no VM with a name runs here"
        if not scan.all_listed:
            known += "; processes of other users are not listed here (hidepid)"
        if scan.unread:
            known += f"; {len(scan.unread)} processes do not let their command lines be read"
        raise NoSuchDevice(f"no VM {clean(name)}", known)
    holding = [each for each in named if each.has_vfio_files]
    hidden = [each for each in named if each.files_hidden or has_dbus_display(each)]
    own = {os.getuid()}
    users = [own] if holding else [own, vmm.trusted_users(scan.paths)]
    heads = _without_forks(holding or hidden or named)
    for preferred in users:
        theirs = [each for each in heads if each.uid in preferred]
        if theirs:
            heads = theirs
            break
    if len(heads) > 1:
        pids = " or ".join(_pid_words(each, name) for each in heads[:_MOST_NAMED])
        raise UsageError(f"{len(heads)} VMs are called {clean(name)}", f"give one of them as {pids}")
    return heads[0]


def _pid_words(process: ScannedProcess, name: str) -> str:
    """A VM of that name or number as a TARGET, with the other one of the two."""
    other = process.vm_name if process.vm_id == name else process.vm_id
    return f"pid:{process.pid}{of_user(process.uid)}" + (
        f" (VM {vm_words(process.vm_name, process.vm_id)})" if other else ""
    )


def _without_forks(processes: Sequence[ScannedProcess]) -> list[ScannedProcess]:
    """The processes that are no fork of another one: a fork of a VM has the same command line."""
    ranked = vmm.ranked(processes)
    return [each for each in ranked if not any(each.parent == other.pid for other in ranked)] or ranked[:1]


def _open(scanned: ScannedProcess, scan: HostScan, access: ProcessAccess) -> Process:
    """Open the process that the scan saw. Raises ProcessGone if it has ended, even if another process has its pid."""
    with ExitStack() as undo:
        process = undo.enter_context(access.open_process(scanned.pid))
        try:
            started = start_time(scanned.pid, scan.paths)
        except (ValueError, IndexError):
            started = 0
        except OSError as error:
            raise_if_exhausted(error)
            started = 0
        if started != scanned.started:
            raise ProcessGone(f"process {scanned.pid} has ended", "'mdevview list' shows which VMs run")
        undo.pop_all()
        return process


def _attach(
    process: Process,
    scanned: ScannedProcess | None,
    vgpus: Sequence[Vgpu],
    scan: HostScan,
    access: ProcessAccess,
    wanted: Callable[[DuplicatedDevice], bool],
    number: int | None = None,
) -> AttachedDevice:
    """Duplicate the devices of a process and take the wanted one; the others are closed."""
    result = duplicate_devices(process, scanned, number, scan.paths, access)
    try:
        held_vgpus = [
            each
            for each in vgpus
            if each.iommu_group in result.groups or any(holder.pid == process.pid for holder in each.holders)
        ]
        identify(result, vgpus, held_vgpus, scan.paths)
        # If the process has not ended by now, everything that was read is about it.
        if process.ended():
            raise vm_ended(result.vm)
        chosen = _choose(result, [each for each in result.devices if wanted(each)], number)
        result.devices.remove(chosen)
        match = chosen.match
        vgpu = next((each for each in vgpus if match is not None and each.name == match.name), None)
        _log.info(
            "%s: attached to its fd %d (%s)", vm_text(result.vm), chosen.number, vgpu.name if vgpu else "unknown device"
        )
        return AttachedDevice(
            chosen.device,
            process,
            result.vm,
            chosen.number,
            chosen.own_fd,
            vgpu,
            vgpu is not None and match is not None and match.certain,
            vmm.role(scanned) if scanned is not None else vmm.Role.OPENER,
            result.hidden,
        )
    finally:
        result.close()


def _is(one: DuplicatedDevice, vgpu: Vgpu) -> bool:
    return one.match is not None and one.match.name == vgpu.name


def _choose(result: ProcessDevices, fitting: list[DuplicatedDevice], number: int | None) -> DuplicatedDevice:
    """The one device that fits. Raises an error if there is none, or more than one."""
    shown = [each for each in fitting if each.has_display]
    # Two fds of one device, or of one open file, count as one.
    kinds = {
        each.match.name if each.match is not None and each.match.certain else _first_fd(each, shown) for each in shown
    }
    if len(kinds) == 1:
        return min(shown, key=lambda each: each.number)
    who = vm_text(result.vm)
    if shown:
        listed = ", ".join(f"fd={each.number} ({each.match.name if each.match else 'unknown'})" for each in shown)
        raise UsageError(
            f"{who} has {len(shown)} devices with a display: {listed}",
            f"give one as UUID, or as pid:{result.vm.pid},fd=N",
        )
    if fitting:
        raise OpenFailed(f"the device of {who} has no display planes", display_advice(None))
    if result.not_ready and number is None:
        raise DeviceBusy(f"{who} is still setting its device up", "try again")
    if result.devices and number is None:
        raise DeviceBusy(
            f"it is unknown which device of {who} is this vGPU", f"choose a device by pid:{result.vm.pid},fd=N"
        )
    known = "'mdevview list' shows which VM has which"
    if number is not None:
        raise NoSuchDevice(f"fd {number} of {who} is no VFIO device", known)
    raise NoVfioDevice(f"{who} has no VFIO device open", known)


def _first_fd(one: DuplicatedDevice, devices: Sequence[DuplicatedDevice]) -> int:
    """The lowest fd of the same open file."""
    return min(each.number for each in devices if each is one or _is_same_file(each.own_fd, one.own_fd))


def _is_same_file(first: int, second: int) -> bool:
    try:
        return is_same_file(os.getpid(), first, os.getpid(), second)
    except OSError:
        # A kernel without kcmp(2).
        return False


def _close_others(processes: dict[int, Process], pid: int) -> None:
    for each in processes.values():
        if each.pid != pid:
            each.close()


def _not_opened(vgpu: Vgpu, scanned: ScannedProcess, scan: HostScan) -> DeviceBusy:
    """The error for a process that has no fd of the vGPU, although it holds its group or claims it."""
    who = vm_text(vmm.vm_of(scanned, scan.paths))
    if vgpu.holders:
        return DeviceBusy(f"{vgpu.name} is in use by {who}, which has not opened it yet", "try again")
    return NotTheHolder(
        f"no process that can be asked has {vgpu.name} open: {who} only names it in its arguments", "start its VM"
    )


def _not_a_vm(vgpu: Vgpu) -> DeviceBusy:
    others = [each for each in vgpu.holders if each.pid != os.getpid()]
    if vgpu.holders and not others:
        return DeviceBusy(f"{vgpu.name} is open in this program itself", "close it first")
    if not others:
        return DeviceBusy(
            f"{vgpu.name} is in use by {unseen_text(vgpu.claims)}", "end that process, or ask root which it is"
        )
    return DeviceBusy(f"{vgpu.name} is in use by {holders_text(others)}, which is no VM", "end that process first")
