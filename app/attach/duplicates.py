"""Duplicates the VFIO device fds of a process, and finds the vGPU of each."""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from app.attach.duplicate_child import duplicate_in_child
from app.attach.helper_fds import FdRequest
from app.attach.helper_installation import INSTALL
from app.attach.identity import DeviceTraits, Match, match_devices, read_device_traits, read_sysfs_traits
from app.device.seam import Device, FdDevice
from app.errors import NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone, error_text
from app.host.config_files import with_configs
from app.host.paths import Paths
from app.host.proc import own_syspath
from app.host.process import Process, is_another_users, is_ending
from app.host.scanned_process import ScannedProcess
from app.host.vfio_file import device_name, vfio_class
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.host.vmm import vm_of
from app.host.wording import process_text
from app.qemu.command_line import CommandLine

_log = logging.getLogger(__name__)

_DENIED = (errno.EPERM, errno.EACCES)


@dataclass(frozen=True, slots=True)
class ProcessAccess:
    """How fds of other processes are duplicated; a test replaces it.

    ``request_fds`` is called if the kernel denies this user access. It is None if no helper may be used.
    ``vfio_class`` and ``device_name`` tell what a file is (:mod:`app.host.vfio_file`).
    """

    request_fds: FdRequest | None = None
    open_process: Callable[[int], Process] = Process.open
    device: Callable[[int], Device] = FdDevice
    vfio_class: Callable[[str], tuple[str, str]] = vfio_class
    device_name: Callable[[int], str | None] = device_name


AS_THIS_USER = ProcessAccess()


@dataclass(slots=True)
class DuplicatedDevice:
    """A device whose fd was duplicated. The fd is ``number`` in its process and ``own_fd`` in this one."""

    number: int
    own_fd: int
    device: Device
    traits: DeviceTraits
    cdev: str | None
    syspath: str | None
    match: Match | None = None

    @property
    def has_display(self) -> bool:
        return self.traits.offer.backing is not None


@dataclass(slots=True)
class ProcessDevices:
    """The devices of one process, as far as they answered. Owns them.

    ``not_ready`` is the number of devices that did not answer because they are not set up yet. ``hidden`` says that
    this user cannot see the files of the process; then ``groups`` are the VFIO groups that the helper saw there.
    """

    vm: Vm
    devices: list[DuplicatedDevice] = field(default_factory=list)
    not_ready: int = 0
    hidden: bool = False
    groups: tuple[int, ...] = ()

    def close(self) -> None:
        for each in self.devices:
            each.device.close()
        self.devices = []


def duplicate_devices(
    process: Process, scanned: ScannedProcess | None, number: int | None, paths: Paths, access: ProcessAccess
) -> ProcessDevices:
    """Duplicate every VFIO device fd of a process, or only fd ``number``, and read the traits of each device.

    ``scanned`` is what the scan saw of the process, None if this user cannot see the process. Raises ProcessGone,
    NoSuchDevice, PermissionDenied or OpenFailed, and the errors of ``access.request_fds``.
    """
    vm = with_configs(vm_of(scanned, paths), paths) if scanned is not None else Vm(process.pid, "?", None, ())
    if scanned is not None and not (scanned.command_line or scanned.files_hidden or scanned.has_vfio_files):
        if process.ended() or is_ending(process.pid, paths):
            raise vm_ended(vm)
        raise NoSuchDevice(f"process {process.pid} ({vm.process}) is a kernel thread", "give a VM's pid")
    result = ProcessDevices(vm)
    with ExitStack() as undo:
        undo.callback(result.close)
        duplicates = _duplicate_fds(process, scanned, number, result, paths, access)
        undo.callback(_close_all, duplicates)
        while duplicates:
            _add(result, duplicates.pop(0), paths, access)
        undo.pop_all()
    return result


@dataclass(frozen=True, slots=True)
class _Duplicate:
    """A fd of a process and its duplicate here. ``device`` is the name that root's helper has from the kernel."""

    number: int
    own: int
    device: str | None = None


def _close_all(duplicates: list[_Duplicate]) -> None:
    for each in duplicates:
        os.close(each.own)


def _duplicate_fds(
    process: Process,
    scanned: ScannedProcess | None,
    number: int | None,
    result: ProcessDevices,
    paths: Paths,
    access: ProcessAccess,
) -> list[_Duplicate]:
    """The helper makes them if this user has no permission."""
    denial: OSError | None = None
    if scanned is not None and not scanned.files_hidden:
        try:
            return _own_duplicates(process, scanned.fds if number is None else (number,), number, access)
        except OSError as error:
            # The files of an ending process are closed before its pidfd tells the end.
            if process.ended() or error.errno == errno.ESRCH:
                raise vm_ended(result.vm) from error
            if error.errno not in _DENIED and (paths.proc / str(process.pid)).exists():
                raise OpenFailed(
                    f"cannot look into {vm_text(result.vm)}: {error_text(error)}", "see 'mdevview doctor'"
                ) from error
            denial = error
    result.hidden = True
    if access.request_fds is None:
        raise _denied(result.vm) from denial
    received = access.request_fds(process.pid, number)
    result.groups = received[0].groups if received else ()
    return [_Duplicate(each.number, each.fd, each.device) for each in received]


def _own_duplicates(
    process: Process, fds: Sequence[int], requested: int | None, access: ProcessAccess
) -> list[_Duplicate]:
    duplicates: list[_Duplicate] = []
    try:
        for fd in fds:
            own = _duplicate(process, fd, requested, access)
            if own is not None:
                duplicates.append(_Duplicate(fd, own))
    except BaseException:
        _close_all(duplicates)
        raise
    return duplicates


def _duplicate(process: Process, fd: int, requested: int | None, access: ProcessAccess) -> int | None:
    try:
        # Before it is duplicated: to close a file on FUSE may take for ever.
        if access.vfio_class(f"/proc/{process.pid}/fd/{fd}")[0] != "vfio-dev":
            return None
        if is_another_users(process.pid):
            return duplicate_in_child(process, fd)
        return process.duplicate(fd)
    except OSError as error:
        # EBADF, ENOENT: the process has closed it since the scan.
        if error.errno not in (errno.EBADF, errno.ENOENT):
            raise
        if requested is not None:
            raise NoSuchDevice(f"process {process.pid} has no fd {fd}", "leave the fd out") from error
        return None


def _add(result: ProcessDevices, duplicate: _Duplicate, paths: Paths, access: ProcessAccess) -> None:
    """Take one duplicate over. Keeps it if it is a VFIO device that answers, closes it otherwise.

    Raises OpenFailed if the helper and the kernel contradict each other about its device.
    """
    number, own = duplicate.number, duplicate.own
    with ExitStack() as undo:
        undo.callback(os.close, own)
        kind, node = access.vfio_class(f"/proc/self/fd/{own}")
        if kind != "vfio-dev":
            # Since the look before, the process has opened another file with this number.
            return
        name = access.device_name(own)
        if None not in (name, duplicate.device) and name != duplicate.device:
            raise OpenFailed(
                f"the helper says that fd {number} of {vm_text(result.vm)} is {duplicate.device}, "
                f"and the kernel that it is {name}",
                f"install the helper again: {INSTALL}",
            )
        undo.pop_all()
    device = access.device(own)
    try:
        traits = read_device_traits(device)
    except OSError as error:
        # EINVAL: a cdev that is not bound to an iommufd yet (vfio_device_fops_unl_ioctl() in vfio_main.c).
        _log.info("%s: its fd %d does not answer: %s", vm_text(result.vm), number, error_text(error))
        result.not_ready += 1
        device.close()
        return
    syspath = own_syspath(own, paths) or name or duplicate.device
    result.devices.append(DuplicatedDevice(number, own, device, traits, node or None, syspath))


def identify(result: ProcessDevices, vgpus: Sequence[Vgpu], held_vgpus: list[Vgpu], paths: Paths) -> None:
    """Find the vGPU of each device, by its path in sysfs, by its cdev, or else by its traits.

    ``held_vgpus`` are the vGPUs that the process is seen to have open. A match is certain only if the kernel tells it:
    the fd's path in sysfs, its cdev, or the only group of the process if it has one fd and the group has one device.
    """
    unknown: dict[int, DuplicatedDevice] = {}
    named: set[str] = set()
    for each in result.devices:
        name = each.syspath.rsplit("/", 1)[-1] if each.syspath else None
        of_cdev = next((vgpu.name for vgpu in vgpus if each.cdev is not None and vgpu.cdev == each.cdev), name)
        if name is not None and of_cdev != name:
            _log.info("%s: its fd %d is %s, and not %s", vm_text(result.vm), each.number, name, of_cdev)
            continue
        name = of_cdev
        if name is not None:
            each.match = Match(name, certain=True)
            named.add(name)
        else:
            unknown[each.number] = each
    left = [each for each in held_vgpus if each.name not in named]
    if len(left) == len(unknown) == 1:
        matches = {number: Match(left[0].name, certain=True) for number in unknown}
    else:
        matches = match_devices(
            {number: each.traits for number, each in unknown.items()},
            {each.name: read_sysfs_traits(each, paths) for each in left},
            _realized(result.vm.command_line()),
        )
    for number, match in matches.items():
        unknown[number].match = match


def _realized(line: CommandLine) -> list[str]:
    """The sysfs names of QEMU's VFIO devices in the order in which QEMU creates them: those in JSON come last."""
    as_json = {each.position for each in line.options if (each.value or "").startswith("{")}
    devices = sorted(line.vfio_devices, key=lambda each: (each.position in as_json, each.position))
    return [each.vfio_name for each in devices if each.vfio_name is not None]


def vm_text(vm: Vm) -> str:
    """How messages name the process of a VM."""
    return process_text(vm.process, vm.pid, vm.name, vm.uid, vm.id)


def vm_ended(vm: Vm) -> ProcessGone:
    return ProcessGone(f"{vm_text(vm)} has ended", "start it again")


def _denied(vm: Vm) -> PermissionDenied:
    """The remedies follow __ptrace_may_access() in kernel/ptrace.c and Documentation/admin-guide/LSM/Yama.rst."""
    return PermissionDenied(
        f"you have no permission to read the files of {vm_text(vm)}",
        "run the VM as your own user with kernel.yama.ptrace_scope at 0, or give mdevview CAP_SYS_PTRACE, "
        "or let its helper do it (--helper)",
    )
