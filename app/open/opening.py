"""Opening a target: looked up, opened alone or attached to, and made a session."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from app.attach.duplicates import AS_THIS_USER, Reach
from app.attach.helper_fds import HandedFd, Handover, HelperWay
from app.attach.opening import device_from_fd, open_vgpu
from app.attach.running_vm import Attached, attach, attach_pid, attach_vm
from app.attach.vm_device import VmDevice
from app.errors import DeviceBusy, NeedsRunningVm, NoSuchDevice, ProcessGone, UsageError
from app.host.discovery import discover, present, refresh
from app.host.holders import syspath_of
from app.host.paths import HOST, Paths
from app.host.vgpu import Vgpu
from app.open.session import Session
from app.open.target import Default, InheritedFd, Pid, Resolved, Simulated, Target, VmName, resolve
from app.qemu.qmp_address import QmpAddress
from app.vfio.buffer_cache import FetchRule
from app.vfio.document import describe_device
from app.vfio.edid_resolution import EdidResolution
from app.vfio.fetch_rule import fetching_of, rule_of, rule_of_unknown
from app.vfio.liveness import Liveness
from app.vfio.opened_device import OpenedDevice
from app.vm.monitor_route import SIMULATED, InputRoute, input_route

_log = logging.getLogger(__name__)

_TRIES = 3


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """What may be done to get at a device.

    ``alone`` is False where a free vGPU must be left to the VM that is waited for: open here, it would be busy when
    the VM starts. ``hand_over`` stands for the helper that ``helper`` names: a window has one that does not wait.
    ``through`` is how processes are reached otherwise. ``qmp`` is where the VM takes input, None for where its command
    line says.
    """

    helper: HelperWay = HelperWay.AUTO
    alone: bool = True
    hand_over: Handover | None = None
    through: Reach = AS_THIS_USER
    qmp: QmpAddress | None = None

    def reach(self) -> Reach:
        """How a VM's files are reached: as this user, and else as the user allows."""
        if self.helper is HelperWay.NEVER:
            return self.through
        return replace(self.through, hand_over=self.hand_over or partial(_fetch, self.helper))


def _fetch(way: HelperWay, pid: int, fd: int | None) -> list[HandedFd]:
    # Needed by few, and subprocess costs a command 10 ms.
    from app.attach.helper import fetch  # noqa: PLC0415

    return fetch(pid, fd, way)


def open_target(target: Target, paths: Paths = HOST, options: OpenOptions | None = None) -> Session:
    """Look the target up and open it, or attach to the VM that has it. Raises MdevviewError."""
    return vfio_session(open_device(target, paths, options), options.qmp if options else None)


def open_chosen(chosen: Resolved, paths: Paths = HOST, options: OpenOptions | None = None) -> Session:
    """Open what a target was resolved to. Raises MdevviewError."""
    return vfio_session(open_resolved_device(chosen, paths, options), options.qmp if options else None)


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


def open_device(target: Target, paths: Paths = HOST, options: OpenOptions | None = None) -> OpenedDevice:
    """Look the target up and open it, or attach to the VM that has it. Raises MdevviewError."""
    looks_up = not isinstance(target, Simulated | InheritedFd | Pid | VmName)
    chosen = resolve(target, discover(paths) if looks_up else ())
    if isinstance(target, Default) and isinstance(chosen, Simulated) and options is not None and not options.alone:
        raise NoSuchDevice("this host has no vGPU", "create one, or start a VM that has one")
    return open_resolved_device(chosen, paths, options)


def open_resolved_device(chosen: Resolved, paths: Paths = HOST, options: OpenOptions | None = None) -> OpenedDevice:
    """Open what a target was resolved to. Raises MdevviewError."""
    options = options or OpenOptions()
    match chosen:
        case Simulated(spec):
            return _open_simulated(spec)
        case InheritedFd(fd):
            there = _presence_of(fd, paths)
            device = device_from_fd(fd)
            rule = rule_of_unknown(device, paths)
            return OpenedDevice(f"fd:{fd}", f"fd {fd}", device, None, rule, Liveness(there))
        case Pid(pid, number):
            text = f"pid:{pid}" if number is None else f"pid:{pid},fd={number}"
            return _again(lambda: _attached(text, attach_pid(pid, number, paths, options.reach()), paths))
        case VmName(name):
            return _again(lambda: _attached(f"vm:{name}", attach_vm(name, paths, options.reach()), paths))
        case Vgpu():
            return _again(lambda: _open_vgpu(chosen, paths, options))


def _presence_of(fd: int, paths: Paths) -> Callable[[], bool] | None:
    """What tells whether the device of a fd is still there, where the kernel tells which it is: from Linux 6.18 on."""
    syspath = syspath_of(fd, "self", paths)
    # Its folder outlives a removal that waits for whoever has it open; the bus forgets it at once.
    link = paths.sys / "bus/mdev/devices" / syspath.rsplit("/", 1)[-1] if syspath else None
    return link.exists if link is not None and link.exists() else None


def _open_vgpu(vgpu: Vgpu, paths: Paths, options: OpenOptions) -> OpenedDevice:
    """Alone when it is free, else by attaching."""
    if vgpu.holders or not options.alone:
        now = refresh(vgpu, paths)
        if now.holders:
            return _attached(vgpu.name, attach(now, paths, options.reach()), paths)
        if not options.alone:
            raise NeedsRunningVm(f"{vgpu.name}: no VM has it", "start the VM")
    try:
        device = open_vgpu(vgpu, paths)
    except DeviceBusy:
        now = refresh(vgpu, paths)
        # Taken since it was looked at.
        if not now.holders:
            raise
        return _attached(vgpu.name, attach(now, paths, options.reach()), paths)
    return OpenedDevice(vgpu.name, vgpu.name, device, vgpu, rule_of(vgpu), Liveness(lambda: present(vgpu, paths)))


def _again(attempt: Callable[[], OpenedDevice]) -> OpenedDevice:
    """What was looked up may be gone when it is opened: a VM that ends in that moment frees its device."""
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except ProcessGone as gone:
            _log.info("looking again: %s", gone.message)
    return attempt()


def _attached(target: str, attached: Attached, paths: Paths) -> OpenedDevice:
    """What was attached to, as a source that takes it over."""
    vm, vgpu, process = attached.vm, attached.vgpu, attached.process
    name = f"VM {vm.name}" if vm.name else f"{vm.process} {vm.pid}"
    label = f"{vgpu.name} ({name})" if vgpu is not None else name
    try:
        fetching = fetching_of(attached, paths)
    except BaseException:
        attached.device.close()
        process.close()
        raise
    after = (fetching.ledger.close, process.close) if fetching.ledger is not None else (process.close,)
    there = (lambda: present(vgpu, paths)) if vgpu is not None else None
    life = Liveness(there, process, f"{vm.process} {vm.pid}")
    # A driver that must be asked once minds the order as well: its buffers have to go before the device.
    device = VmDevice(attached.device, process, *after, close_at_end=fetching.rule is FetchRule.FREELY)
    return OpenedDevice(target, label, device, vgpu, fetching.rule, life, process, vm, fetching.record)


def _open_simulated(spec: str) -> OpenedDevice:
    # Imported where it is used: the simulator needs numpy, which costs a command without it 100 ms.
    from app.sim.open import open_simulated  # noqa: PLC0415

    try:
        device = open_simulated(spec)
    except ValueError as error:
        raise UsageError(f"sim:{spec}: {error}") from error
    target = f"sim:{spec}"
    label = f"{target.split(',', maxsplit=1)[0]} (simulated)"
    return OpenedDevice(target, label, device, device.vgpu, rule_of(device.vgpu), Liveness(device.present))
