"""Starts a VM to show it. Creates what its command line lacks, and removes that after the end of the VM."""

import logging
import os
import resource
import shlex
import shutil
import signal
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.errors import DeviceBusy, MdevviewError, NoSuchDevice, PermissionDenied, UsageError
from app.host import mdev, permissions
from app.host.device_messages import NVIDIA_WORDS
from app.host.discovery import discover, link_of
from app.host.mdev import MdevType, choose_type, mdev_types
from app.host.no_vgpu import no_type
from app.host.nvidia import current_types, type_remedy
from app.host.paths import HOST, Paths
from app.host.scan import HostScan
from app.host.vgpu import Use, Vgpu, is_nvidia
from app.host.wording import holders_text
from app.qemu.command_line import CommandLine, parse_command_line
from app.qemu.qmp_address import QmpAddress, UnixAddress
from app.vm import igd_opregion, vm_arguments
from app.vm.child import Child
from app.vm.vfio_properties import vfio_properties

_log = logging.getLogger(__name__)

# sizeof(sun_path) in unix(7), with the NUL.
_SUN_PATH = 108
# The time limits for a VM to end after a signal.
_TERM_TIMEOUT_S = 10.0
_KILL_TIMEOUT_S = 10.0
_ENOUGH_LOCKED_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class StartOptions:
    """A VM's command line, and the ``uuid`` of an existing vGPU or the ``type`` of a new one.

    ``environment`` is that of the VM, None for the environment of this process.
    """

    arguments: tuple[str, ...]
    uuid: str | None = None
    type: str | None = None
    parent: str | None = None
    environment: Mapping[str, str] | None = None


class StartedVm:
    """A VM that this program started. Owns its process and what was created for it, until it is closed or kept.

    ``vgpu`` is the name of its vGPU, None if unknown. ``shows_console``: it has QEMU's D-Bus display, and no VFIO
    device. ``created`` is the type of a vGPU that was created for it. ``monitor`` is the address of its QMP monitor.
    ``failure_hint`` says where its driver tells why the VM gets no vGPU; empty if no such place is known.
    """

    def __init__(
        self,
        child: Child,
        vgpu: str | None,
        created: MdevType | None,
        monitor: QmpAddress | None,
        cleanup: ExitStack,
        failure_hint: str = "",
        *,
        shows_console: bool = False,
    ) -> None:
        """``cleanup`` ends the VM and then removes what was created for it."""
        self.child = child
        self.vgpu = vgpu
        self.created = created
        self.monitor = monitor
        self.failure_hint = failure_hint
        self.shows_console = shows_console
        self._cleanup = cleanup

    def keep(self) -> None:
        """Leave the VM running, and keep what was created for it. After this :meth:`close` does nothing."""
        self._cleanup.pop_all()
        self.child.close()

    def close(self) -> None:
        """End the VM if it still runs, and remove what was created for it. More calls do nothing.

        Raises MdevviewError if the vGPU could not be removed; everything else is done all the same.
        """
        self._cleanup.close()


def check_options(options: StartOptions) -> None:
    """Raises UsageError for options that are invalid on every host."""
    vm_arguments.check_arguments(options.arguments, parse_command_line(options.arguments))
    if options.parent is not None and options.type is None:
        raise UsageError("--parent needs --type", "add --type, or name the vGPU by --uuid")
    if options.type is not None and options.uuid is not None and not mdev.is_uuid(options.uuid.lower()):
        raise UsageError(
            f"{options.uuid!r} is no whole UUID", "give a new vGPU all of it, or leave --uuid out for a random one"
        )


def start_vm(options: StartOptions, paths: Paths = HOST) -> StartedVm:
    """Start the VM. Raises MdevviewError; then no VM runs, and what was created for it is removed."""
    check_options(options)
    cleanup = ExitStack()
    try:
        return _start(options, cleanup, paths)
    except BaseException:
        cleanup.close()
        raise


def _start(options: StartOptions, cleanup: ExitStack, paths: Paths) -> StartedVm:
    """Start the VM. Adds the undoing of each step to ``cleanup``, so that it is undone if a later step fails."""
    command = parse_command_line(options.arguments)
    created, wanted = None, options.uuid
    if options.type is not None:
        created = _type(options.type, options.parent, paths)
        wanted = _create(created, options.uuid, cleanup, paths)
    scan = HostScan.take(paths)
    _check_functions(command, wanted, paths)
    choice = vm_arguments.choose_vgpu(command, wanted, discover(scan))
    arguments = list(options.arguments)
    if choice.vgpu is not None and vm_arguments.needs_uuid(command, choice.vgpu):
        arguments += vm_arguments.uuid_arguments(command, choice.vgpu, _uuids_of_vms(scan))
    if not vm_arguments.has_monitor(command):
        arguments += vm_arguments.monitor_arguments(_socket(cleanup))
    with ExitStack() as passed:
        fds = None
        if choice.vgpu is not None:
            _check_free(choice.vgpu)
            properties = _properties(choice, command, options.arguments[0])
            opregion = igd_opregion.PROPERTY in properties and igd_opregion.wants_opregion(choice.vgpu, command)
            if choice.add:
                fds = _passed_fds(choice.vgpu, properties, passed, paths)
                arguments += vm_arguments.device_arguments(link_of(choice.vgpu, paths), fds, opregion)
                if fds is None:
                    _check_permission(choice.vgpu, paths)
            elif opregion:
                arguments += igd_opregion.default_arguments(command)
        _log.info("starting %s", shlex.join(arguments))
        numbers = (fds.iommufd, fds.device) if fds is not None else ()
        child = Child.start(arguments, numbers, options.environment)
        # Called in the reverse order: the VM ends before what it uses is removed.
        cleanup.callback(child.close)
        cleanup.callback(terminate, child)
    addresses = [each.address for each in parse_command_line(arguments).monitors if each.address is not None]
    # A D-Bus display may need one that can pass a fd.
    monitor = min(addresses, key=lambda each: not isinstance(each, UnixAddress), default=None)
    name = choice.vgpu.name if choice.vgpu is not None else None
    hint = f"why NVIDIA's driver refuses a vGPU, tell {NVIDIA_WORDS}" if is_nvidia(choice.vgpu) else ""
    console = choice.vgpu is None and not command.vfio_devices
    return StartedVm(child, name, created, monitor, cleanup, hint, shows_console=console)


def _type(wanted: str, parent: str | None, paths: Paths) -> MdevType:
    """The type of mdev that a user names. Raises NoSuchDevice or UsageError."""
    known = mdev_types(paths)
    function = next((name for name, number in current_types(paths).items() if not number), None)
    if not known and function is not None:
        raise NoSuchDevice(
            f"no type {wanted}: no device of this host makes mdevs; its vGPUs are functions of an NVIDIA GPU",
            f"{type_remedy(function)}; then give --uuid {function}",
        )
    return choose_type(wanted, parent, known)


def _check_functions(command: CommandLine, wanted: str | None, paths: Paths) -> None:
    """Raises NoSuchDevice for a function of an NVIDIA GPU that is no vGPU. QEMU would only say "No such device"."""
    names = [wanted, *(each.vfio_name for each in command.vfio_devices)]
    for name in (each.lower() for each in names if each is not None):
        error = no_type(name, paths)
        if error is not None:
            raise error


def _uuids_of_vms(scan: HostScan) -> frozenset[str]:
    """The UUIDs on the command lines of the VMs of this user and of root that run, in lower case.

    Any other user's process may claim to be a VM with a UUID, and would so change the one of this VM.
    """
    own = (each for each in scan.vms if each.uid in (None, 0, os.getuid()))
    lines = (parse_command_line(each.arguments) for each in own)
    return frozenset(each.uuid.lower() for each in lines if each.uuid)


def _create(kind: MdevType, wanted: str | None, cleanup: ExitStack, paths: Paths) -> str:
    name = wanted.lower() if wanted is not None else str(uuid.uuid4())
    mdev.create(kind, name)
    cleanup.callback(mdev.remove, name, paths)
    mdev.await_nodes(name, paths)
    return name


def _check_free(vgpu: Vgpu) -> None:
    if vgpu.use is Use.IN_USE:
        raise DeviceBusy(
            f"{vgpu.name} is in use by {holders_text(vgpu.holders)}", f"'mdevview view {vgpu.name}' shows it"
        )


def _check_permission(vgpu: Vgpu, paths: Paths) -> None:
    """Raises PermissionDenied with a remedy. QEMU would fail without one."""
    node = paths.dev / "vfio" / str(vgpu.iommu_group)
    if permissions.exists(node) and not os.access(node, os.R_OK | os.W_OK):
        raise PermissionDenied(
            f"{vgpu.name}: permission denied: {node} ({permissions.owner_and_mode(node)})", permissions.remedy(node)
        )


def _properties(choice: vm_arguments.VgpuChoice, command: CommandLine, program: str) -> frozenset[str]:
    """What this QEMU knows, if that decides anything: to ask it takes a start of QEMU."""
    vgpu = choice.vgpu
    asked = (choice.add and vgpu is not None and vgpu.cdev is not None) or igd_opregion.wants_opregion(vgpu, command)
    return vfio_properties(program) if asked else frozenset()


def _passed_fds(
    vgpu: Vgpu, properties: frozenset[str], opened: ExitStack, paths: Paths
) -> vm_arguments.PassedFds | None:
    """The vGPU's cdev and an iommufd, which ``opened`` closes. None if this kernel, user or QEMU cannot use them.

    QEMU 9.0 and later takes them, and binds the cdev to the iommufd. Before that the cdev does nothing.
    """
    if vgpu.cdev is None or not {"fd", "iommufd"} <= properties:
        return None
    fds = []
    for node in (paths.dev / "iommu", paths.dev / "vfio/devices" / vgpu.cdev):
        try:
            fds.append(os.open(node, os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            _log.info("%s: %s: the VM opens its vGPU by the IOMMU group", node, error.strerror)
            return None
        opened.callback(os.close, fds[-1])
    return vm_arguments.PassedFds(*fds)


def _socket(cleanup: ExitStack) -> Path:
    """A path for a socket, in a new folder that only this user can search."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for folder in (runtime, tempfile.gettempdir()):
        if not folder.startswith("/") or len(os.fsencode(folder)) > _SUN_PATH - len("/mdevview-12345678/qmp\0"):
            continue
        try:
            private = tempfile.mkdtemp(prefix="mdevview-", dir=folder)
        except OSError as error:
            _log.info("%s: %s", folder, error.strerror)
            continue
        cleanup.callback(shutil.rmtree, private, ignore_errors=True)
        return Path(private) / "qmp"
    raise MdevviewError("no folder for the VM's QMP socket", "set XDG_RUNTIME_DIR or TMPDIR to a folder of yours")


def terminate(child: Child) -> None:
    """End the VM without asking the guest: SIGTERM, which QEMU handles like `quit`, then SIGKILL."""
    try:
        child.send(signal.SIGTERM)
        if child.wait(_TERM_TIMEOUT_S) is None and child.fileno() >= 0:
            child.send(signal.SIGKILL)
            _log.info("the VM does not end by itself: killed")
            child.wait(_KILL_TIMEOUT_S)
    except PermissionError:
        _log.info("process %d now belongs to another user: it keeps running", child.pid)


def memory_hint() -> str:
    """The remedy for a VM that cannot lock enough memory; empty if the limit is high enough.

    The kernel counts all memory that a device may reach by DMA (vfio_lock_acct() in
    drivers/vfio/vfio_iommu_type1.c).
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit == resource.RLIM_INFINITY or limit >= _ENOUGH_LOCKED_MEMORY or os.geteuid() == 0:
        return ""
    return (
        f"where it says 'Cannot allocate memory', let the user lock as much memory as the VM has "
        f"(ulimit -l is {limit >> 10} KiB)"
    )
