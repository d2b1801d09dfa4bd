"""Where a running VM's monitor is, from what its process shows.

libvirt's names of domains need no look at libvirt: it starts QEMU with ``-name guest=NAME`` and ``-uuid``
(qemuBuildNameCommandLine in libvirt's src/qemu/qemu_command.c), and renames no domain that runs.
"""

import errno
import importlib.util
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from app.host.paths import HOST, Paths
from app.host.vm import Vm
from app.qemu.command_line import CommandLine, QmpMonitor, parse
from app.qemu.qmp_address import QmpAddress, UnixAddress
from app.vm.connect_error import connect_error_text
from app.vm.monitor import Changed, Monitor

# How libvirt calls the socket of its monitor (qemuBuildMonitorCommandLine).
_LIBVIRTS = "charmonitor"
_SYSTEM, _SESSION = "qemu:///system", "qemu:///session"


@dataclass(frozen=True, slots=True)
class LibvirtDomain:
    """A VM whose monitor belongs to libvirt. ``uris`` are the connections to try, in this order."""

    name: str
    uuid: str | None
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoMonitor:
    """Why nothing can be sent to the VM, in a few words."""

    reason: str


Found = QmpAddress | LibvirtDomain


def find_monitor(vm: Vm, paths: Paths = HOST) -> Found | NoMonitor:
    """The first QMP monitor of the VM that this user can connect to, or why there is none.

    Nothing is connected to: QEMU serves one client at a time, and would take a look for it.
    """
    line = parse(vm.arguments)
    reasons: list[str] = []
    for monitor in line.monitors:
        found = _reach(vm, monitor, line, paths)
        if not isinstance(found, NoMonitor):
            return found
        reasons.append(found.reason)
    if reasons:
        return NoMonitor(reasons[0])
    if not vm.arguments:
        return NoMonitor("its command line cannot be read")
    if line.reads_config:
        return NoMonitor("its command line has no QMP socket, and its configuration file is not read: use --qmp")
    return NoMonitor("its command line has no QMP socket: start QEMU with -qmp unix:PATH,server=on,wait=off")


def open_found(found: Found, vm: Vm, changed: Changed) -> Monitor:
    """What was found for ``vm``. Returns at once; whether it answers shows in the link."""
    if isinstance(found, LibvirtDomain):
        from app.vm.libvirt import open_domain  # noqa: PLC0415  (asyncio is for those who have a VM)

        return open_domain(found, changed)
    from app.vm.qmp import open_monitor  # noqa: PLC0415

    return open_monitor(found, changed, owner=vm.pid)


def _reach(vm: Vm, monitor: QmpMonitor, line: CommandLine, paths: Paths) -> Found | NoMonitor:
    if monitor.address is None:
        if monitor.inherited and monitor.chardev == _LIBVIRTS and line.name is not None:
            return _domain(vm, line.name, line.uuid, paths)
        return NoMonitor(monitor.reason)
    if isinstance(monitor.address, UnixAddress) and not monitor.address.abstract:
        return _reach_file(vm, monitor.address.path, paths)
    if _is_elsewhere(vm.pid, "net", paths):
        return NoMonitor(f"its QMP socket {monitor.address} is in another network namespace")
    return monitor.address


def _reach_file(vm: Vm, path: str, paths: Paths) -> UnixAddress | NoMonitor:
    elsewhere = _is_elsewhere(vm.pid, "mnt", paths)
    if path.startswith("/"):
        # As its own container sees it.
        place = f"{paths.proc}/{vm.pid}/root{path}" if elsewhere else path
    elif vm.cwd is None:
        return NoMonitor(f"its QMP socket {path} has no full path, and its folder cannot be seen")
    else:
        place = f"{paths.proc}/{vm.pid}/cwd/{path}" if elsewhere else f"{vm.cwd}/{path}"
    address = UnixAddress(place)
    try:
        mode = Path(place).stat().st_mode
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        return NoMonitor(connect_error_text(address, error))
    return address if stat.S_ISSOCK(mode) else NoMonitor(f"{place} is no socket")


def _domain(vm: Vm, name: str, uuid: str | None, paths: Paths) -> LibvirtDomain | NoMonitor:
    if not all(importlib.util.find_spec(each) for each in ("libvirt", "libvirt_qemu")):
        return NoMonitor("libvirt owns its monitor: the extra 'libvirt' is missing (README, Input)")
    # A session's daemon is started by connecting to it: only where the VM can be of that session.
    session = _owner(vm.pid, paths) == os.getuid() and not any("/var/lib/libvirt/" in each for each in vm.arguments)
    return LibvirtDomain(name, uuid, (_SESSION, _SYSTEM) if session else (_SYSTEM,))


def _owner(pid: int, paths: Paths) -> int | None:
    try:
        return (paths.proc / str(pid)).stat().st_uid
    except OSError:
        return None


def _is_elsewhere(pid: int, kind: str, paths: Paths) -> bool:
    """Whether the process is known to be in another namespace than we are."""
    try:
        theirs = os.readlink(paths.proc / str(pid) / "ns" / kind)  # noqa: PTH115
        return theirs != os.readlink(paths.proc / "self/ns" / kind)  # noqa: PTH115
    except OSError:
        return False
