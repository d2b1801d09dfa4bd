"""Attaching: the device of a running VM, by a duplicate of the VM's own fd.

A vGPU in use belongs to its VMM: its group opens once, and GVT-g opens only in the VM's process. An ioctl looks at
nothing but the open file, so that a duplicate made by pidfd_getfd(2) works as well as the VM's own fd, also while the
VM is stopped. It keeps the device open when the VM ends: let it go at once, or the VM's next start meets EBUSY.
"""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from app.attach.duplicates import AS_THIS_USER, Found, Held, Reach, identify, look, words_of
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
from app.host.discovery import discover
from app.host.paths import HOST, Paths
from app.host.process import Process
from app.host.vgpu import Vgpu
from app.host.vm import Vm

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attached:
    """``device`` and ``process`` belong to whoever holds this.

    ``vgpu`` is what the device is on this host, None when that cannot be told; ``certain`` says whether it was told
    and not guessed. ``number`` is the fd in the VM's process, ``hidden`` whether its files had to be asked for.
    """

    device: Device
    process: Process
    vm: Vm
    number: int
    vgpu: Vgpu | None = None
    certain: bool = False
    role: vmm.Role = vmm.Role.VMM
    hidden: bool = False


def attach(vgpu: Vgpu, paths: Paths = HOST, reach: Reach = AS_THIS_USER) -> Attached:
    """The device of the VM that has this vGPU open.

    Raises DeviceBusy when no VM has it, or its VM is not ready; ProcessGone when that ended meanwhile (look again);
    PermissionDenied; OpenFailed when it has no display.
    """
    vgpus = discover(paths)
    now = next((each for each in vgpus if each.name == vgpu.name), None)
    if now is None:
        raise DeviceGone(f"{vgpu.name} was removed", "'mdevview list' shows what is there")
    with ExitStack() as stack:
        suspects = []
        for pid in {each.pid for each in now.holders if each.pid != os.getpid()}:
            try:
                stack.enter_context(process := reach.open_process(pid))
                suspects.append((vmm.suspect(pid, vmm.held_by(pid, paths), paths), process))
            except ProcessGone:
                continue
        ranked = vmm.ranked(each for each, _ in suspects)
        if not ranked:
            raise _not_a_vm(now)
        processes = {process.pid: process for _, process in suspects}
        problem: MdevviewError | None = None
        for each in ranked:
            try:
                attached = _attach(processes[each.pid], each.role, vgpus, paths, reach, lambda one: _is(one, now))
            except (DeviceBusy, OpenFailed, ProcessGone) as error:
                problem = problem or error
                continue
            except NoSuchDevice:
                who = words_of(vmm.vm_of(each.pid, paths))
                problem = problem or DeviceBusy(
                    f"{now.name} is in use by {who}, which has not opened it yet", "try again"
                )
                continue
            stack.pop_all()
            _close_others(processes, each.pid)
            return attached
    assert problem is not None
    raise problem


def attach_pid(pid: int, number: int | None = None, paths: Paths = HOST, reach: Reach = AS_THIS_USER) -> Attached:
    """The device with a display that a process has open; ``number`` is its fd there, needed when there are several.

    Raises ProcessGone, PermissionDenied, NoSuchDevice when it has none, UsageError when it has several.
    """
    if pid == os.getpid():
        raise UsageError(f"pid:{pid} is this very program", "give the pid of a VM ('mdevview list')")
    with ExitStack() as stack:
        process = stack.enter_context(reach.open_process(pid))
        role = vmm.suspect(pid, vmm.held_by(pid, paths), paths).role
        if role is vmm.Role.VIEWER:
            raise UsageError(f"process {pid} is a viewer itself", "give the pid of the VM ('mdevview list')")

        def wanted(each: Found) -> bool:
            return number is None or each.number == number

        attached = _attach(process, role, discover(paths), paths, reach, wanted, number)
        stack.pop_all()
        return attached


def attach_vm(name: str, paths: Paths = HOST, reach: Reach = AS_THIS_USER) -> Attached:
    """The device with a display of the VM of that name. Raises as :func:`attach_pid`; NoSuchDevice for no such VM."""
    running = vmm.running_vms(paths)
    named = [each.pid for each in running if each.name == name]
    if not named:
        names = sorted({each.name for each in running if each.name})
        known = f"there are: {', '.join(names)}" if names else "no VM with a name runs here"
        raise NoSuchDevice(f"no VM {name}", known)
    # A fork of the VM has its command line as well.
    ranked = vmm.ranked(vmm.suspect(pid, vmm.held_by(pid, paths), paths) for pid in named)
    heads = [each for each in ranked if not any(each.parent == other.pid for other in ranked)]
    if len(heads) > 1:
        pids = " and ".join(f"pid:{each.pid}" for each in heads)
        raise UsageError(f"{len(heads)} VMs are called {name}", f"give one of them as {pids}")
    return attach_pid((heads or ranked)[0].pid, None, paths, reach)


def _attach(
    process: Process,
    role: vmm.Role,
    vgpus: Sequence[Vgpu],
    paths: Paths,
    reach: Reach,
    wanted: Callable[[Found], bool],
    number: int | None = None,
) -> Attached:
    """Duplicate what a process has and take what is wanted of it; the rest is closed."""
    held = look(process, number, paths, reach)
    try:
        open_there = [
            each
            for each in vgpus
            if each.iommu_group in held.groups or any(holder.pid == process.pid for holder in each.holders)
        ]
        identify(held, vgpus, open_there, paths)
        # Only now is it sure that all that was read belongs to the process that the pidfd is of.
        if process.ended():
            raise ProcessGone(f"{words_of(held.vm)} has ended", "start it again")
        chosen = _choose(held, [each for each in held.found if wanted(each)], number)
        held.found.remove(chosen)
        match = chosen.match
        vgpu = next((each for each in vgpus if match is not None and each.name == match.name), None)
        _log.info(
            "%s: attached to its fd %d (%s)", words_of(held.vm), chosen.number, vgpu.name if vgpu else "unknown device"
        )
        return Attached(
            chosen.device,
            process,
            held.vm,
            chosen.number,
            vgpu,
            vgpu is not None and match is not None and match.certain,
            role,
            held.hidden,
        )
    finally:
        held.close()


def _is(one: Found, vgpu: Vgpu) -> bool:
    return one.match is not None and one.match.name == vgpu.name


def _choose(held: Held, fitting: list[Found], number: int | None) -> Found:
    """The one device that was meant. Raises what says why there is none, or more than one."""
    shown = [each for each in fitting if each.has_display]
    # Two fds of one device are as good as one.
    kinds = {each.match.name if each.match is not None and each.match.certain else each.number for each in shown}
    if len(kinds) == 1:
        return min(shown, key=lambda each: each.number)
    who = words_of(held.vm)
    if shown:
        listed = ", ".join(f"fd={each.number} ({each.match.name if each.match else 'unknown'})" for each in shown)
        raise UsageError(
            f"{who} has {len(shown)} devices with a display: {listed}",
            f"give one as UUID, or as pid:{held.vm.pid},fd=N",
        )
    if fitting:
        raise OpenFailed(f"the device of {who} has no display planes", "give its VM a vGPU type that has a display")
    if held.silent and number is None:
        raise DeviceBusy(f"{who} is still setting its device up", "try again")
    if held.found and number is None:
        raise DeviceBusy(f"which of the devices of {who} it is cannot be told", f"give it as pid:{held.vm.pid},fd=N")
    what = f"fd {number} of {who} is no VFIO device" if number is not None else f"{who} has no VFIO device open"
    raise NoSuchDevice(what, "'mdevview list' shows which VM has which")


def _close_others(processes: dict[int, Process], pid: int) -> None:
    for each in processes.values():
        if each.pid != pid:
            each.close()


def _not_a_vm(vgpu: Vgpu) -> DeviceBusy:
    others = [each for each in vgpu.holders if each.pid != os.getpid()]
    if vgpu.holders and not others:
        return DeviceBusy(f"{vgpu.name} is open in this very program", "close it first")
    if not others:
        return DeviceBusy(f"{vgpu.name} is in use by a process that cannot be seen", "close it, or ask root")
    names = " and ".join(f"{each.process} {each.pid}" for each in others)
    return DeviceBusy(f"{vgpu.name} is in use by {names}, which is no VM", "end that first")
