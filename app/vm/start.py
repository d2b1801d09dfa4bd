"""Starting a VM to show it: what it lacks is made and added, and taken away again after its end."""

import logging
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.errors import DeviceBusy, MdevviewError, PermissionDenied, UsageError
from app.host import mdev, permissions
from app.host.discovery import discover
from app.host.mdev import MdevType, choose_type, mdev_types
from app.host.paths import HOST, Paths
from app.host.scan import HostScan
from app.host.vgpu import Use, Vgpu
from app.host.wording import holders_text
from app.qemu.command_line import parse
from app.qemu.qmp_address import QmpAddress
from app.vm import plan
from app.vm.child import Child

_log = logging.getLogger(__name__)

# sizeof(sun_path) in unix(7), with the NUL.
_SUN_PATH = 108
_QEMU = re.compile(r"(qemu|kvm)[a-z0-9_.-]*")
_HELP_PATIENCE_S = 10.0
# How long a VM that was told to end, by a signal, may take for that.
_TERM_PATIENCE_S = 10.0
_KILL_PATIENCE_S = 10.0
_LITTLE_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Order:
    """What a user wants: a VM's command line, and an existing vGPU or a type to make one of.

    ``environment`` is what the VM gets, None for this process's own.
    """

    arguments: tuple[str, ...]
    uuid: str | None = None
    type: str | None = None
    parent: str | None = None
    environment: Mapping[str, str] | None = None


class Running:
    """A VM that was started here. Owns its process and what was made for it, until :meth:`close` or :meth:`keep`.

    ``vgpu`` is the name of its vGPU where that is known, ``created`` the type it was made of if it was made here.
    ``monitor`` is where its QMP monitor listens.
    """

    def __init__(
        self, child: Child, vgpu: str | None, created: MdevType | None, monitor: QmpAddress | None, made: ExitStack
    ) -> None:
        self.child = child
        self.vgpu = vgpu
        self.created = created
        self.monitor = monitor
        self._made = made

    def keep(self) -> None:
        """Let the VM go on by itself, with all that was made for it."""
        self._made.pop_all()
        self.child.close()

    def close(self) -> None:
        """End the VM where it still runs, and take away what was made for it. More calls do nothing.

        Raises MdevviewError when the vGPU could not be removed.
        """
        end(self.child)
        self.child.close()
        self._made.close()


def check(order: Order) -> None:
    """Raises UsageError for what no host could do."""
    plan.check(order.arguments, parse(order.arguments))
    if order.parent is not None and order.type is None:
        raise UsageError("--parent is of use with --type alone", "add --type, or name the vGPU by --uuid")
    if order.type is not None and order.uuid is not None and not mdev.is_uuid(order.uuid.lower()):
        raise UsageError(f"{order.uuid!r} is no whole UUID", "a vGPU that is created needs one, or none at all")


def start(order: Order, paths: Paths = HOST) -> Running:
    """Start the VM. Raises MdevviewError, with nothing left of what was made."""
    check(order)
    command = parse(order.arguments)
    with ExitStack() as made:
        created, wanted = None, order.uuid
        if order.type is not None:
            created = choose_type(order.type, order.parent, mdev_types(paths))
            wanted = _create(created, order.uuid, made, paths)
        choice = plan.choose(command, wanted, discover(HostScan.take(paths)))
        arguments = list(order.arguments)
        if not plan.has_monitor(command):
            arguments += plan.monitor_arguments(_socket(made))
        with ExitStack() as passed:
            fds = None
            if choice.vgpu is not None:
                _must_be_free(choice.vgpu)
                if choice.add:
                    fds = _passed_fds(choice.vgpu, order.arguments[0], passed, paths)
                    arguments += plan.device_arguments(paths.sys / "bus/mdev/devices" / choice.vgpu.name, fds)
                    if fds is None:
                        _must_be_allowed(choice.vgpu, paths)
            _log.info("starting %s", shlex.join(arguments))
            numbers = (fds.iommufd, fds.device) if fds is not None else ()
            child = Child.start(arguments, numbers, order.environment)
        monitor = next((each.address for each in parse(arguments).monitors if each.address is not None), None)
        name = choice.vgpu.name if choice.vgpu is not None else None
        return Running(child, name, created, monitor, made.pop_all())


def _create(kind: MdevType, wanted: str | None, made: ExitStack, paths: Paths) -> str:
    name = wanted.lower() if wanted is not None else str(uuid.uuid4())
    mdev.create(kind, name)
    made.callback(mdev.remove, name, paths)
    mdev.await_nodes(name, paths)
    return name


def _must_be_free(vgpu: Vgpu) -> None:
    if vgpu.use is Use.IN_USE:
        raise DeviceBusy(
            f"{vgpu.name} is in use by {holders_text(vgpu.holders)}", f"'mdevview view {vgpu.name}' shows it"
        )


def _must_be_allowed(vgpu: Vgpu, paths: Paths) -> None:
    """What QEMU would say as well, without the remedy."""
    node = paths.dev / "vfio" / str(vgpu.iommu_group)
    if permissions.there(node) and not os.access(node, os.R_OK | os.W_OK):
        raise PermissionDenied(
            f"{vgpu.name}: permission denied: {node} ({permissions.owners(node)})", permissions.remedy(node)
        )


def _passed_fds(vgpu: Vgpu, program: str, opened: ExitStack, paths: Paths) -> plan.PassedFds | None:
    """The vGPU's cdev and an iommufd, open until the VM has them; None where this kernel, user or QEMU has no such way.

    A cdev does nothing until it is bound, and that is left to QEMU.
    """
    if vgpu.cdev is None:
        return None
    fds = []
    for node in (paths.dev / "iommu", paths.dev / "vfio/devices" / vgpu.cdev):
        try:
            fds.append(os.open(node, os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            _log.info("%s: %s: the VM opens its vGPU by the IOMMU group", node, error.strerror)
            return None
        opened.callback(os.close, fds[-1])
    return plan.PassedFds(*fds) if _takes_fds(program) else None


def _takes_fds(program: str) -> bool:
    """Whether this QEMU takes an open cdev, as it does from version 9.0 on. A script in its place is not asked."""
    if not _QEMU.fullmatch(Path(program).name):
        return False
    command = [program, "-device", "vfio-pci,help"]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_HELP_PATIENCE_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.info("%s: %s", shlex.join(command), error)
        return False
    return re.search(rb"^\s*fd=", told, re.M) is not None and re.search(rb"^\s*iommufd=", told, re.M) is not None


def _socket(made: ExitStack) -> Path:
    """A path for a socket, in a folder that is closed to other users."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for folder in (runtime, tempfile.gettempdir()):
        if not folder.startswith("/") or len(os.fsencode(folder)) > _SUN_PATH - len("/mdevview-12345678/qmp\0"):
            continue
        try:
            own = tempfile.mkdtemp(prefix="mdevview-", dir=folder)
        except OSError as error:
            _log.info("%s: %s", folder, error.strerror)
            continue
        made.callback(shutil.rmtree, own, ignore_errors=True)
        return Path(own) / "qmp"
    raise MdevviewError("no folder for the VM's QMP socket", "set XDG_RUNTIME_DIR or TMPDIR to one that is yours")


def end(child: Child) -> None:
    """End it without asking the guest: SIGTERM, which QEMU takes as `quit`, then SIGKILL. Nothing where it ended."""
    try:
        child.send(signal.SIGTERM)
        if child.wait(_TERM_PATIENCE_S) is None:
            _log.info("the VM does not end by itself: killed")
            child.send(signal.SIGKILL)
            child.wait(_KILL_PATIENCE_S)
    except PermissionError:
        _log.info("process %d became another user's: it goes on", child.pid)


def memory_hint() -> str:
    """What to do where a VM failed for lack of memory that may be locked; empty where there is enough.

    The kernel counts what a device may reach by DMA (vfio_lock_acct() in drivers/vfio/vfio_iommu_type1.c).
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit == resource.RLIM_INFINITY or limit >= _LITTLE_MEMORY or os.geteuid() == 0:
        return ""
    return (
        f"where it says 'Cannot allocate memory', let the user lock as much memory as the VM has "
        f"(ulimit -l is {limit >> 10} KiB)"
    )
