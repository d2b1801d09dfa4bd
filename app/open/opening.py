"""Opening a target: it is looked up, opened alone or attached to, and made a session."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from app.attach.device_node import device_from_fd, open_vgpu
from app.attach.duplicates import AS_THIS_USER, ProcessAccess, vm_text
from app.attach.helper_fds import FdRequest, HelperMethod, ReceivedFd
from app.attach.running_vm import AttachedDevice, attach, attach_pid, attach_vm
from app.attach.vm_device import VmDevice
from app.errors import DeviceBusy, NeedsRunningVm, NoSuchDevice, OpenFailed, ProcessGone, UsageError, error_text
from app.host.discovery import discover, present, refresh
from app.host.paths import HOST, Paths
from app.host.proc import own_syspath
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.host.wording import process_text
from app.open.session import Session
from app.open.target import Default, InheritedFd, Pid, Resolved, Simulated, Target, VmName, resolve
from app.qemu.qmp_address import QmpAddress
from app.vfio.buffer_cache import FetchRule
from app.vfio.device_document import describe_device
from app.vfio.edid_resolution import EdidResolution
from app.vfio.end_detector import EndDetector
from app.vfio.fetch_rule import fetch_policy, rule_of, rule_of_fd
from app.vfio.opened_device import OpenedDevice
from app.vm.input_route import SIMULATED, InputRoute, input_route

_log = logging.getLogger(__name__)

_TRIES = 3


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """How a device may be opened.

    ``alone`` is False where a free vGPU must be left to the VM that is waited for: opened here, it would be busy when
    the VM starts. ``request_fds`` replaces the helper that ``helper`` names. ``access`` is how fds of processes are
    duplicated without it. ``qmp`` is where the VM takes input, None for where its command line says.
    """

    helper: HelperMethod = HelperMethod.AUTO
    alone: bool = True
    request_fds: FdRequest | None = None
    access: ProcessAccess = AS_THIS_USER
    qmp: QmpAddress | None = None

    def process_access(self) -> ProcessAccess:
        """How fds are duplicated: as this user, and else as the user allows."""
        if self.helper is HelperMethod.NEVER:
            return self.access
        return replace(self.access, request_fds=self.request_fds or partial(_request_fds, self.helper))


def _request_fds(method: HelperMethod, pid: int, fd: int | None) -> list[ReceivedFd]:
    # Needed by few, and subprocess costs a command 10 ms.
    from app.attach.helper_request import request_fds  # noqa: PLC0415

    return request_fds(pid, fd, method)


def open_target(
    target: Target, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> Session:
    """Look the target up and open it, or attach to the VM that has it. Raises MdevviewError.

    Processes are scanned once, or not at all where the caller gives its own scan; again only when a process of the scan
    has ended meanwhile.
    """
    return vfio_session(open_device(target, paths, options, scan), options.qmp if options else None)


def open_chosen(
    chosen: Resolved, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> Session:
    """Open what a target was resolved to, as :func:`open_target`. Raises MdevviewError."""
    return vfio_session(open_resolved_device(chosen, paths, options, scan), options.qmp if options else None)


def vfio_session(opened: OpenedDevice, qmp: QmpAddress | None = None) -> Session:
    """A session that takes the device over. ``qmp`` is where its VM takes input, None for where its arguments say."""
    poller = opened.poller()
    return Session(
        target=opened.target,
        label=opened.label,
        source=poller,
        vgpu=opened.vgpu,
        vm=opened.vm,
        resolution=EdidResolution(opened.device),
        input=_input(opened, qmp),
        describe=lambda: describe_device(opened.device, poller.offer, opened.vgpu),
        ended=opened.ended,
    )


def _input(opened: OpenedDevice, qmp: QmpAddress | None) -> InputRoute:
    if opened.vgpu is not None and opened.vgpu.simulated and qmp is None:
        return SIMULATED
    return input_route(opened.vm, qmp)


def open_device(
    target: Target, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> OpenedDevice:
    """As :func:`open_target`, without the session."""
    if isinstance(target, Simulated | InheritedFd | Pid | VmName):
        return open_resolved_device(resolve(target, ()), paths, options, scan)
    with _explained():
        scan = scan or HostScan.take(paths)
        chosen = resolve(target, discover(scan))
    if isinstance(target, Default) and isinstance(chosen, Simulated) and options is not None and not options.alone:
        raise NoSuchDevice("this host has no vGPU", "create one, or start a VM that has one")
    return open_resolved_device(chosen, paths, options, scan)


def open_resolved_device(
    chosen: Resolved, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> OpenedDevice:
    """As :func:`open_chosen`, without the session."""
    options = options or OpenOptions()
    access = options.process_access()
    with _explained():
        match chosen:
            case Simulated(spec):
                return _open_simulated(spec)
            case InheritedFd(fd):
                return _open_inherited(fd, paths)
            case Pid(pid, fd):
                text = f"pid:{pid}" if fd is None else f"pid:{pid},fd={fd}"
                # A process that has ended is not found by another scan; one that is younger than the given scan is.
                tries = 1 if scan is None else _TRIES
                return _with_scan(
                    lambda now: _attached(text, attach_pid(pid, fd, now, access), now), paths, scan, tries
                )
            case VmName(name):
                return _with_scan(lambda now: _attached(f"vm:{name}", attach_vm(name, now, access), now), paths, scan)
            case Vgpu():
                return _with_scan(lambda now: _open_vgpu(chosen, now, options.alone, access), paths, scan)


@contextmanager
def _explained() -> Iterator[None]:
    """Turns what the kernel refused to this program itself, such as one more fd, into an error for a person."""
    try:
        yield
    except OSError as error:
        raise OpenFailed(f"the device cannot be opened: {error_text(error)}", "see 'mdevview doctor'") from error


def _with_scan(
    attempt: Callable[[HostScan], OpenedDevice], paths: Paths, scan: HostScan | None, tries: int = _TRIES
) -> OpenedDevice:
    """Try with a scan, and with a fresh one after ProcessGone: a VM that ends in that moment frees its device."""
    scan = scan or HostScan.take(paths)
    for _ in range(tries - 1):
        try:
            return attempt(scan)
        except ProcessGone as gone:
            _log.info("looking again: %s", gone.message)
        scan = HostScan.take(paths)
    return attempt(scan)


def _open_vgpu(vgpu: Vgpu, scan: HostScan, alone: bool, access: ProcessAccess) -> OpenedDevice:
    """Alone when it is free, else by attaching."""
    paths, vgpu = scan.paths, refresh(vgpu, scan)
    if vgpu.holders:
        return _attached(vgpu.name, attach(vgpu, scan, access), scan)
    if not alone:
        raise NeedsRunningVm(f"{vgpu.name}: no VM has it", "start the VM")
    try:
        device = open_vgpu(vgpu, paths)
    except DeviceBusy:
        scan = HostScan.take(paths)
        vgpu = refresh(vgpu, scan)
        # Taken since the scan before.
        if not vgpu.holders:
            raise
        return _attached(vgpu.name, attach(vgpu, scan, access), scan)
    ended = EndDetector(lambda: present(vgpu, paths))
    return OpenedDevice(vgpu.name, vgpu.name, device, vgpu, rule_of(vgpu), ended)


def _attached(target: str, attached: AttachedDevice, scan: HostScan) -> OpenedDevice:
    """An attached device, taken over."""
    vm, vgpu, process, paths = attached.vm, attached.vgpu, attached.process, scan.paths
    name = f"VM {vm.name}" if vm.name else process_text(vm.process, vm.pid)
    label = f"{vgpu.name} ({name})" if vgpu is not None else name
    is_present = (lambda: present(vgpu, paths)) if vgpu is not None else None
    ended = EndDetector(is_present, process, vm_text(vm))
    with ExitStack() as undo:
        undo.callback(process.close)
        undo.callback(attached.device.close)
        policy = fetch_policy(attached, scan)
        after = [process.close]
        if policy.file is not None:
            undo.callback(policy.file.close)
            after.insert(0, policy.file.close)
        # A driver that must be asked once needs the order as well: its buffers must be closed before the device.
        device = VmDevice(attached.device, process, *after, close_at_end=policy.rule is FetchRule.FREELY)
        undo.pop_all()
        return OpenedDevice(target, label, device, vgpu, policy.rule, ended, process, vm, policy.record)


def _open_inherited(fd: int, paths: Paths) -> OpenedDevice:
    is_present = _presence(fd, paths)
    device = device_from_fd(fd)
    rule = rule_of_fd(device, paths)
    return OpenedDevice(f"fd:{fd}", f"fd {fd}", device, None, rule, EndDetector(is_present))


def _presence(fd: int, paths: Paths) -> Callable[[], bool] | None:
    """Tells whether the device of a fd still exists, where the kernel tells which it is (Linux 6.18); else None."""
    syspath = own_syspath(fd, paths)
    # Its folder stays while a removal waits for those who have it open; its link on the bus vanishes at once.
    link = paths.sys / "bus/mdev/devices" / syspath.rsplit("/", 1)[-1] if syspath else None
    return link.exists if link is not None and link.exists() else None


def _open_simulated(spec: str) -> OpenedDevice:
    # Imported where it is used: the simulator needs numpy, which costs a command without it 100 ms.
    from app.sim.profile import open_simulated  # noqa: PLC0415

    try:
        device = open_simulated(spec)
    except ValueError as error:
        raise UsageError(f"sim:{spec}: {error}") from error
    target = f"sim:{spec}"
    label = f"{target.split(',', maxsplit=1)[0]} (simulated)"
    return OpenedDevice(target, label, device, device.vgpu, rule_of(device.vgpu), EndDetector(device.present))
