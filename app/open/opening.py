"""Opens a target: finds its device, opens it or attaches to its VM, and makes a session."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from app.attach.device_node import needs_vm, open_vgpu
from app.attach.duplicates import AS_THIS_USER, ProcessAccess, vm_text
from app.attach.helper_fds import FdRequest, HelperMethod, ReceivedFd
from app.attach.running_vm import AttachedDevice, NotTheHolder, attach, attach_pid, attach_vm
from app.attach.vm_device import VmDevice
from app.device.seam import Device
from app.diagnosis.picture.host_facts import HostFacts
from app.errors import (
    DeviceBusy,
    NeedsRunningVm,
    NoSuchDevice,
    OpenFailed,
    PermissionDenied,
    ProcessGone,
    UsageError,
    error_text,
)
from app.host.discovery import discover, present, refresh
from app.host.drivers import KnownDisplay, known_display
from app.host.gpu import exporting_gpu
from app.host.larger_type import sibling_types
from app.host.no_vgpu import no_vgpu, without_display
from app.host.paths import HOST, Paths
from app.host.scan import HostScan
from app.host.vgpu import Use, Vgpu, is_nvidia
from app.host.wording import of_user, process_text, vm_words
from app.open.console_opening import open_vm_screen
from app.open.host_facts_source import HostFactsSource
from app.open.host_screens import find_screens
from app.open.own_devices import open_inherited, open_simulated_device
from app.open.recorded_facts import with_screen
from app.open.session import Session
from app.open.simulated_host import simulated_host
from app.open.target import (
    DbusBus,
    Default,
    InheritedFd,
    Named,
    Pid,
    Replay,
    Resolved,
    Simulated,
    Target,
    VmName,
    resolve,
)
from app.open.xen_target import XenRefs, XenScreen
from app.qemu.qmp_address import QmpAddress
from app.vfio.buffer_cache import FetchRule
from app.vfio.device_document import describe_device
from app.vfio.edid_resolution import EdidResolution
from app.vfio.end_detector import EndDetector
from app.vfio.fetch_rule import fetch_policy, rule_of
from app.vfio.opened_device import OpenedDevice
from app.vm.input_route import RECORDED, SIMULATED, InputRoute, TrackedRoute, input_route

if TYPE_CHECKING:
    from app.attach.xen_files import XenFiles
    from app.open.replaying import OpenedRecording
    from app.open.xen_access import RequestXen

_log = logging.getLogger(__name__)

_TRIES = 3


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """How a device may be opened.

    ``alone`` says whether a free vGPU may be opened. It is False while waiting for a VM: an open vGPU would be busy
    when the VM starts. ``helper`` is the way to start the helper; ``request_fds`` replaces it, and
    ``request_xen`` that for the files of Xen. ``access`` is how fds
    of processes are duplicated without the helper. ``qmp`` is the address for input, None for that on the VM's command
    line. ``guest_process``: a simulated guest draws in a process of its own, as a measurement needs it.
    ``wrap_device`` makes the device that the poller gets, and which then owns the opened one; a capture records so.
    """

    helper: HelperMethod = HelperMethod.AUTO
    alone: bool = True
    request_fds: FdRequest | None = None
    request_xen: "RequestXen | None" = None
    access: ProcessAccess = AS_THIS_USER
    qmp: QmpAddress | None = None
    guest_process: bool = False
    wrap_device: Callable[[OpenedDevice], Device] | None = None

    def xen_request(self) -> "RequestXen | None":
        """What asks root's helper for the files of Xen; None if the user does not allow that."""
        if self.helper is HelperMethod.NEVER:
            return None
        return self.request_xen or partial(_request_xen, self.helper)

    def process_access(self) -> ProcessAccess:
        """How fds are duplicated: with this user's permissions, otherwise by the helper if the user allows it."""
        if self.helper is HelperMethod.NEVER:
            return self.access
        return replace(self.access, request_fds=self.request_fds or partial(_request_fds, self.helper))


def _request_fds(method: HelperMethod, pid: int, fd: int | None) -> list[ReceivedFd]:
    # Most commands do not need it, and the import of subprocess takes 10 ms.
    from app.attach.helper_request import request_fds  # noqa: PLC0415

    return request_fds(pid, fd, method)


def _request_xen(method: HelperMethod) -> "XenFiles":
    from app.attach.xen_files import request_xen_files  # noqa: PLC0415

    return request_xen_files(method)


def open_target(
    target: Target, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> Session:
    """Find the device of the target and open it, or attach to the VM that has it. Raises MdevviewError.

    Processes are scanned once, or not at all if the caller gives a scan. They are scanned again only if a process of
    the scan has ended.
    """
    if isinstance(target, Default):
        with _explained():
            scan = scan or HostScan.take(paths)
            chosen = _only_screen(scan, options)
        return open_chosen(chosen, paths, options, scan)
    if isinstance(target, Replay | VmName | Pid | DbusBus | XenScreen | XenRefs):
        return open_chosen(target, paths, options, scan)
    return _session(open_device(target, paths, options, scan), options, paths)


def open_chosen(
    chosen: Resolved, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> Session:
    """Like :func:`open_target`, for a target that is already resolved. Raises MdevviewError."""
    if isinstance(chosen, Replay):
        return _replay_session(chosen, options, paths)
    if isinstance(chosen, XenScreen | XenRefs):
        return _xen_session(chosen, options, paths)
    if isinstance(chosen, VmName | Pid | DbusBus):
        with _explained():
            now = scan or HostScan.take(paths)
            qmp = options.qmp if options is not None else None
            return open_vm_screen(
                chosen, now, qmp, lambda: _session(open_resolved_device(chosen, paths, options, now), options, paths)
            )
    return _session(open_resolved_device(chosen, paths, options, scan), options, paths)


def _xen_session(target: XenScreen | XenRefs, options: OpenOptions | None, paths: Paths) -> Session:
    # Imported here, because other targets need nothing of Xen.
    from app.open.xen_session import open_xen  # noqa: PLC0415

    options = options or OpenOptions()
    with _explained():
        session = open_xen(target, paths, options.xen_request())
    # An HVM guest has a QEMU: the user may name its monitor.
    return session if options.qmp is None else replace(session, input=TrackedRoute(input_route(None, options.qmp)))


def _replay(target: Replay) -> "OpenedRecording":
    # Imported here, because other targets need neither MCAP nor numpy.
    from app.open.replaying import open_recording  # noqa: PLC0415

    return open_recording(target)


def _replay_session(target: Replay, options: OpenOptions | None, paths: Paths) -> Session:
    replayed = _replay(target)
    session = _session(replayed.opened, options, paths)
    return replace(
        session,
        resolution=replayed.resolution,
        input=RECORDED,
        playback=replayed.clock,
        host_facts=replayed.host_facts,
        describe=lambda: with_screen(session.describe(), replayed.screen),
    )


def _session(opened: OpenedDevice, options: OpenOptions | None, paths: Paths) -> Session:
    options = options or OpenOptions()
    if options.wrap_device is not None:
        try:
            opened = replace(opened, device=options.wrap_device(opened))
        except BaseException:
            opened.device.close()
            raise
    return vfio_session(opened, options.qmp, paths)


def vfio_session(opened: OpenedDevice, qmp: QmpAddress | None = None, paths: Paths = HOST) -> Session:
    """A session that takes the device over. ``qmp`` is the address for input, None for that of the VM's arguments.

    Closes the device if there is no session.
    """
    try:
        route = TrackedRoute(_input(opened, qmp))
        # These read sysfs, which fails where this program has no more fds.
        types = sibling_types(opened.vgpu, paths)
        exporter = exporting_gpu(opened.vgpu, paths)
    except BaseException:
        opened.device.close()
        raise
    poller = opened.poller()
    return Session(
        target=opened.target,
        label=opened.label,
        source=poller,
        vgpu=opened.vgpu,
        vm=opened.vm,
        resolution=EdidResolution(opened.device, opened.end_fd, types),
        input=route,
        describe=lambda: describe_device(opened.device, poller.offer, opened.vgpu),
        ended=opened.ended,
        true_flip_ns=opened.true_flip_ns,
        flips_lost=opened.flips_lost,
        device_facts=poller.facts,
        host_facts=_host_facts(opened, route, paths),
        buffers=poller.buffers,
        exporter=exporter,
    )


def _host_facts(opened: OpenedDevice, route: InputRoute, paths: Paths) -> Callable[[], HostFacts]:
    faults = opened.host_faults
    if faults is not None:
        return lambda: simulated_host(faults())
    return HostFactsSource.of(opened.vgpu, opened.vm, route, paths).read


def _input(opened: OpenedDevice, qmp: QmpAddress | None) -> InputRoute:
    if opened.vgpu is not None and opened.vgpu.simulated and qmp is None:
        return SIMULATED
    return input_route(opened.vm, qmp)


def open_device(
    target: Target, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> OpenedDevice:
    """Like :func:`open_target`, without a session."""
    if isinstance(target, Simulated | InheritedFd | Pid | VmName | Replay):
        return open_resolved_device(resolve(target, ()), paths, options, scan)
    with _explained():
        scan = scan or HostScan.take(paths)
        chosen = _only_screen(scan, options) if isinstance(target, Default) else _resolved(target, scan)
    return open_resolved_device(chosen, paths, options, scan)


def _only_screen(scan: HostScan, options: OpenOptions | None) -> Resolved:
    """The only screen of the host, or a simulated one if there is none and that may be opened.

    Raises NoSuchDevice and AmbiguousTarget.
    """
    screens = find_screens(scan)
    chosen = resolve(Default(), screens.vgpus, screens.pushed_targets)
    if isinstance(chosen, Simulated) and options is not None and not options.alone:
        raise NoSuchDevice(
            "this host has no vGPU, and no VM with a D-Bus display", "create a vGPU, or start a VM that has a screen"
        )
    return chosen


def _resolved(target: Target, scan: HostScan) -> Resolved:
    """The device of a target. Raises NoSuchDevice and AmbiguousTarget."""
    try:
        return resolve(target, discover(scan))
    except NoSuchDevice as error:
        raise (no_vgpu(target.text, scan.paths) if isinstance(target, Named) else None) or error from None


def open_resolved_device(
    chosen: Resolved, paths: Paths = HOST, options: OpenOptions | None = None, scan: HostScan | None = None
) -> OpenedDevice:
    """Like :func:`open_chosen`, without a session."""
    options = options or OpenOptions()
    access = options.process_access()
    with _explained():
        match chosen:
            case Simulated(spec):
                return open_simulated_device(spec, options.guest_process)
            case Replay():
                return _replay(chosen).opened
            case InheritedFd(fd):
                return open_inherited(fd, paths)
            case DbusBus():
                raise UsageError("a D-Bus display is no VFIO device", "name a vGPU, or the process of its VM")
            case XenScreen() | XenRefs():
                raise UsageError("a screen of a Xen guest is no VFIO device", "name a vGPU")
            case Pid(pid, fd):
                text = f"pid:{pid}" if fd is None else f"pid:{pid},fd={fd}"
                # A new scan does not find a process that has ended, but one that started after the given scan.
                tries = 1 if scan is None else _TRIES
                return _with_scan(
                    lambda now: _attached(text, attach_pid(pid, fd, now, access), now), paths, scan, tries
                )
            case VmName(name):
                return _with_scan(lambda now: _attached(f"vm:{name}", attach_vm(name, now, access), now), paths, scan)
            case Vgpu():
                # A VM has the whole device. It is not opened only to learn that it has no display.
                if chosen.uuid is None and known_display(chosen) is KnownDisplay.NONE:
                    raise without_display(chosen)
                return _with_scan(lambda now: _open_vgpu(chosen, now, options.alone, access), paths, scan)


@contextmanager
def _explained() -> Iterator[None]:
    """Turns an OSError of this program itself, such as no more fds, into an error for the user."""
    try:
        yield
    except OSError as error:
        raise OpenFailed(f"the device cannot be opened: {error_text(error)}", "see 'mdevview doctor'") from error


def _with_scan(
    attempt: Callable[[HostScan], OpenedDevice], paths: Paths, scan: HostScan | None, tries: int = _TRIES
) -> OpenedDevice:
    """Try with the scan; after ProcessGone try with a new scan, because a VM that has ended frees its device."""
    scan = scan or HostScan.take(paths)
    for _ in range(tries - 1):
        try:
            return attempt(scan)
        except ProcessGone as gone:
            _log.info("scanning again: %s", gone.message)
        scan = HostScan.take(paths)
    return attempt(scan)


def _open_vgpu(vgpu: Vgpu, scan: HostScan, alone: bool, access: ProcessAccess) -> OpenedDevice:
    """Open a vGPU if it is free, otherwise attach to its VM.

    If a process that cannot be seen may have it, only an open tells whether it is free. After a failed open the VMs
    that cannot be seen and that name the device are asked for it; a VM that does not have it is refused.
    """
    paths, vgpu = scan.paths, refresh(vgpu, scan)
    if vgpu.holders or (vgpu.claims and not alone):
        return _attached(vgpu.name, attach(vgpu, scan, access), scan)
    if not alone:
        raise NeedsRunningVm(f"{vgpu.name}: no VM has it open", "start the VM")
    if vgpu.use is Use.FREE and is_nvidia(vgpu):
        # The open could only fail, and the driver starts no other vGPU until its manager has refused this one.
        raise needs_vm(vgpu)
    try:
        device = open_vgpu(vgpu, paths)
    except (DeviceBusy, PermissionDenied, OpenFailed) as error:
        scan = HostScan.take(paths)
        vgpu = refresh(vgpu, scan)
        # A VM may have opened it since the scan.
        if not (vgpu.holders or vgpu.claims):
            raise
        try:
            return _attached(vgpu.name, attach(vgpu, scan, access), scan)
        except NotTheHolder as refused:
            if isinstance(error, DeviceBusy):
                raise
            raise error from refused
    ended = EndDetector(lambda: present(vgpu, paths))
    return OpenedDevice(vgpu.name, vgpu.name, device, vgpu, rule_of(vgpu), ended)


def _attached(target: str, attached: AttachedDevice, scan: HostScan) -> OpenedDevice:
    """Take over an attached device."""
    vm, vgpu, process, paths = attached.vm, attached.vgpu, attached.process, scan.paths
    words = vm_words(vm.name, vm.id)
    name = f"VM {words}{of_user(vm.uid)}" if words else process_text(vm.process, vm.pid, None, vm.uid)
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
        # With the fetch-once driver all buffers must be closed before the device, so the VM's end must not close it.
        device = VmDevice(attached.device, process, *after, close_at_end=policy.rule is FetchRule.FREELY)
        undo.pop_all()
        return OpenedDevice(target, label, device, vgpu, policy.rule, ended, process, vm, policy.record)
