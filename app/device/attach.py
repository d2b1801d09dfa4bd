"""Attaching: the device of a running VM, by a duplicate of the VM's own fd.

A vGPU in use belongs to its VMM: its group opens once, and GVT-g opens only in the VM's process. An ioctl looks at
nothing but the open file, so that a duplicate made by pidfd_getfd(2) works as well as the VM's own fd, also while the
VM is stopped. It keeps the device open when the VM ends: let it go at once, or the VM's next start meets EBUSY.
"""

import errno
import logging
import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from app.device import holders, vmm
from app.device.discovery import discover
from app.device.errors import (
    DeviceBusy,
    DeviceGone,
    MdevviewError,
    NoSuchDevice,
    OpenFailed,
    PermissionDenied,
    ProcessGone,
    UsageError,
)
from app.device.handover import Handover
from app.device.holders import DEVICE_LINK, cdev_of
from app.device.identity import Answers, Match, ask, assign, facts_of
from app.device.paths import HOST, Paths
from app.device.process import Process, is_ending
from app.device.seam import Device, FdDevice
from app.device.vgpu import Vgpu
from app.oserrors import in_words
from app.vm import commandline
from app.vm.facts import Vm

_log = logging.getLogger(__name__)

_REFUSED = (errno.EPERM, errno.EACCES)


def _link(fd: int) -> str:
    """What one of our own fds leads to, "" for none."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}").removesuffix(" (deleted)")  # noqa: PTH115
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Reach:
    """How other processes are reached; a test puts something else here.

    ``hand_over`` is asked when the kernel refuses this user, None when the user does not want that.
    """

    hand_over: Handover | None = None
    open_process: Callable[[int], Process] = Process.open
    device: Callable[[int], Device] = FdDevice
    link: Callable[[int], str] = _link


AS_THIS_USER = Reach()


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


class LentDevice:
    """The device of another process, with what has to be let go after it. It costs a call nothing."""

    def __init__(self, device: Device, *after: Callable[[], None]) -> None:
        self.ioctl: Callable[[int, bytearray], int] = device.ioctl
        self.pread: Callable[[int, int], bytes] = device.pread
        self.pwrite: Callable[[bytes, int], int] = device.pwrite
        self.mmap: Callable[[int, int], mmap.mmap] = device.mmap
        self._close = device.close
        self._after = after

    def close(self) -> None:
        after, self._after = self._after, ()
        with ExitStack() as stack:
            for each in reversed(after):
                stack.callback(each)
            self._close()


@dataclass(slots=True)
class _Found:
    """One duplicate of a VM's fd that answered."""

    number: int
    device: Device
    answers: Answers
    cdev: str | None
    syspath: str | None
    match: Match | None = None

    @property
    def has_display(self) -> bool:
        return self.answers.offer.backing is not None


@dataclass(slots=True)
class _Held:
    """What one process has: its devices that answered, and how many did not because they are not set up yet."""

    vm: Vm
    found: list[_Found] = field(default_factory=list)
    silent: int = 0
    hidden: bool = False
    groups: tuple[int, ...] = ()

    def close(self) -> None:
        for each in self.found:
            each.device.close()
        self.found = []


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
                who = _who(vmm.vm_of(each.pid, paths))
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

        def wanted(each: _Found) -> bool:
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
    wanted: Callable[[_Found], bool],
    number: int | None = None,
) -> Attached:
    """Duplicate what a process has and take what is wanted of it; the rest is closed."""
    held = _look(process, number, paths, reach)
    try:
        open_there = [
            each
            for each in vgpus
            if each.iommu_group in held.groups or any(holder.pid == process.pid for holder in each.holders)
        ]
        _identify(held, vgpus, open_there, paths)
        # Only now is it sure that all that was read belongs to the process that the pidfd is of.
        if process.ended():
            raise ProcessGone(f"{_who(held.vm)} has ended", "start it again")
        chosen = _choose(held, [each for each in held.found if wanted(each)], number)
        held.found.remove(chosen)
        match = chosen.match
        vgpu = next((each for each in vgpus if match is not None and each.name == match.name), None)
        _log.info(
            "%s: attached to its fd %d (%s)", _who(held.vm), chosen.number, vgpu.name if vgpu else "unknown device"
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


def _look(process: Process, number: int | None, paths: Paths, reach: Reach) -> _Held:
    """Duplicate every VFIO device fd of a process, or the one of that number, and ask each what it is."""
    held = _Held(vmm.vm_of(process.pid, paths))
    if not held.vm.arguments:
        if process.ended() or is_ending(process.pid, paths):
            raise ProcessGone(f"{_who(held.vm)} has ended", "start it again")
        raise NoSuchDevice(f"process {process.pid} ({held.vm.process}) is a kernel thread", "give a VM's pid")
    try:
        for fd, own in _duplicates(process, number, held, paths, reach):
            _ask(held, fd, own, paths, reach)
    except BaseException:
        held.close()
        raise
    return held


def _duplicates(
    process: Process, number: int | None, held: _Held, paths: Paths, reach: Reach
) -> Iterable[tuple[int, int]]:
    """Pairs of a fd there and its duplicate here, by this user's own rights or, where they do not do, by a helper's."""
    refusal: OSError
    try:
        seen = holders.look(process.pid, paths)
        fds = (number,) if number is not None else seen.fds if seen is not None else ()
        pairs: list[tuple[int, int]] = []
        try:
            for fd in fds:
                own = _duplicate(process, fd, number)
                if own is not None:
                    pairs.append((fd, own))
        except BaseException:
            for _, own in pairs:
                os.close(own)
            raise
        return pairs
    except OSError as error:
        # An ending process has no files before its pidfd says that it ended.
        if process.ended() or error.errno == errno.ESRCH:
            raise ProcessGone(f"{_who(held.vm)} has ended", "start it again") from error
        if error.errno not in _REFUSED:
            raise OpenFailed(f"cannot look into {_who(held.vm)}: {in_words(error)}", "see 'mdevview doctor'") from error
        refusal = error
    held.hidden = True
    if reach.hand_over is None:
        raise _denied(held.vm) from refusal
    handed = reach.hand_over(process.pid, number)
    held.groups = handed[0].groups if handed else ()
    return [(each.number, each.fd) for each in handed]


def _duplicate(process: Process, fd: int, asked_for: int | None) -> int | None:
    try:
        return process.duplicate(fd)
    except OSError as error:
        # Closed since it was listed.
        if error.errno != errno.EBADF:
            raise
        if asked_for is not None:
            raise NoSuchDevice(f"process {process.pid} has no fd {fd}", "leave the fd out") from error
        return None


def _ask(held: _Held, number: int, own: int, paths: Paths, reach: Reach) -> None:
    """Take one duplicate over: kept when it is a VFIO device that answers."""
    link = reach.link(own)
    cdev = cdev_of(link)
    if cdev is None and link != DEVICE_LINK:
        # The number was given to another file since it was listed.
        os.close(own)
        return
    device = reach.device(own)
    try:
        answers = ask(device)
    except OSError as error:
        # EINVAL: a cdev that is not bound to an iommufd yet (vfio_device_fops_unl_ioctl() in vfio_main.c).
        _log.info("%s: its fd %d does not answer: %s", _who(held.vm), number, in_words(error))
        held.silent += 1
        device.close()
        return
    held.found.append(_Found(number, device, answers, cdev, holders.syspath_of(own, "self", paths)))


def _identify(held: _Held, vgpus: Sequence[Vgpu], open_there: list[Vgpu], paths: Paths) -> None:
    """Say of each fd which device it is, as far as that can be told: by name, by the kernel, by its answers."""
    unknown: dict[int, _Found] = {}
    named: set[str] = set()
    for each in held.found:
        name = each.syspath.rsplit("/", 1)[-1] if each.syspath else None
        if each.cdev is not None:
            name = next((vgpu.name for vgpu in vgpus if vgpu.cdev == each.cdev), name)
        if name is not None:
            each.match = Match(name, certain=True)
            named.add(name)
        else:
            unknown[each.number] = each
    left = [each for each in open_there if each.name not in named]
    if len(left) == 1:
        matches = {number: Match(left[0].name, certain=True) for number in unknown}
    else:
        matches = assign(
            {number: each.answers for number, each in unknown.items()},
            {each.name: facts_of(each, paths) for each in left},
            _realized(held.vm.arguments),
        )
    for number, match in matches.items():
        unknown[number].match = match


def _realized(arguments: Sequence[str]) -> list[str]:
    """The sysfs names of QEMU's VFIO devices in the order in which it makes them: those given as JSON come last."""
    line = commandline.parse(arguments)
    as_json = {each.position for each in line.options if (each.value or "").startswith("{")}
    devices = sorted(line.vfio_devices, key=lambda each: (each.position in as_json, each.position))
    return [each.vfio_name for each in devices if each.vfio_name is not None]


def _is(one: _Found, vgpu: Vgpu) -> bool:
    return one.match is not None and one.match.name == vgpu.name


def _choose(held: _Held, fitting: list[_Found], number: int | None) -> _Found:
    """The one device that was meant. Raises what says why there is none, or more than one."""
    shown = [each for each in fitting if each.has_display]
    # Two fds of one device are as good as one.
    kinds = {each.match.name if each.match is not None and each.match.certain else each.number for each in shown}
    if len(kinds) == 1:
        return min(shown, key=lambda each: each.number)
    who = _who(held.vm)
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


def _who(vm: Vm) -> str:
    return f"VM {vm.name} ({vm.process} {vm.pid})" if vm.name else f"{vm.process} {vm.pid}"


def _not_a_vm(vgpu: Vgpu) -> DeviceBusy:
    others = [each for each in vgpu.holders if each.pid != os.getpid()]
    if vgpu.holders and not others:
        return DeviceBusy(f"{vgpu.name} is open in this very program", "close it first")
    if not others:
        return DeviceBusy(f"{vgpu.name} is in use by a process that cannot be seen", "close it, or ask root")
    names = " and ".join(f"{each.process} {each.pid}" for each in others)
    return DeviceBusy(f"{vgpu.name} is in use by {names}, which is no VM", "end that first")


def _denied(vm: Vm) -> PermissionDenied:
    """What the kernel asks for (__ptrace_may_access() in kernel/ptrace.c; Documentation/admin-guide/LSM/Yama.rst)."""
    return PermissionDenied(
        f"the kernel does not let you at the files of {_who(vm)}",
        "run the VM as your own user with kernel.yama.ptrace_scope at 0, or give mdevview CAP_SYS_PTRACE, "
        "or let its helper do it (--helper)",
    )
