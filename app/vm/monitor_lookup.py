"""Finds the monitor of a running VM by its command line in /proc, and by its configuration files that were read.

The name of a libvirt domain is on the command line, too: libvirt starts QEMU with ``-name guest=NAME`` and ``-uuid``
(qemuBuildNameCommandLine in libvirt's src/qemu/qemu_command.c), and never renames a running domain.
"""

import errno
import importlib.util
import os
import stat
import time
from dataclasses import dataclass

from app.errors import error_text
from app.host import permissions
from app.host.foreign_path import LIMIT_S, look
from app.host.paths import HOST, Paths
from app.host.start_folder import start_folder
from app.host.vm import Vm
from app.qemu.command_line import CommandLine, QmpMonitor
from app.qemu.folder_options import changes_root, leaves_folder
from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress
from app.text.clean import clean_line
from app.vm.manager import manager_of
from app.vm.qmp_socket_error import REMEDY, connect_error_text

# The chardev of libvirt's own monitor (qemuBuildMonitorCommandLine).
_LIBVIRT_CHARDEV = "charmonitor"
_ADD = "start QEMU with -qmp unix:PATH,server=on,wait=off"
SYSTEM, SESSION = "qemu:///system", "qemu:///session"


@dataclass(frozen=True, slots=True)
class LibvirtDomain:
    """A VM whose monitor belongs to libvirt. ``uris`` are the connections to try, in this order."""

    name: str
    uuid: str | None
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoMonitor:
    """There is no monitor that this user can connect to, for this reason.

    ``is_denied``: there is one, and this user has no permission to use it.
    """

    reason: str
    is_denied: bool = False


MonitorLocation = QmpAddress | LibvirtDomain


def find_monitor(vm: Vm, paths: Paths = HOST, *, passes_fds: bool = False) -> MonitorLocation | NoMonitor:
    """The first QMP monitor of the VM that this user can connect to, or the reason why there is none.

    ``passes_fds``: only one over which file descriptors can be passed. One that no manager needs is preferred. It does
    not connect, because QEMU serves only one client at a time. It takes LIMIT_S seconds at most, and a second more if a
    process does not let its environment be read.
    """
    line = vm.command_line()
    until = time.monotonic() + LIMIT_S
    problems: list[NoMonitor] = []
    shared: MonitorLocation | None = None
    for monitor in line.monitors:
        location = _locate(vm, monitor, line, paths, until)
        if passes_fds and isinstance(location, TcpAddress):
            location = NoMonitor(f"its QMP socket {location} is a TCP port, which passes no file descriptors: {_ADD}")
        if isinstance(location, NoMonitor):
            problems.append(location)
        elif isinstance(location, LibvirtDomain) or not manager_of(location):
            return location
        else:
            shared = shared or location
    if shared is not None:
        return shared
    if problems:
        return problems[0]
    if not vm.arguments:
        return NoMonitor("its command line cannot be read")
    if line.reads_config:
        return NoMonitor("its command line has no QMP socket, and its configuration file is not read: use --qmp")
    return NoMonitor(f"its command line has no QMP socket: {_ADD}")


def is_libvirts(line: CommandLine) -> bool:
    """Whether libvirt started the VM, by its command line."""
    return any(each.inherited and each.chardev == _LIBVIRT_CHARDEV for each in line.monitors)


def libvirt_uris(vm: Vm, paths: Paths = HOST) -> tuple[str, ...]:
    """The libvirts that may have started the VM, the most likely first: that of its user, and that of the system."""
    # A connection starts the user's session daemon, so this names it only for a VM that can belong to it.
    session = _user_of(vm.pid, paths) == os.getuid() and not any("/var/lib/libvirt/" in each for each in vm.arguments)
    return (SESSION, SYSTEM) if session else (SYSTEM,)


def _locate(vm: Vm, monitor: QmpMonitor, line: CommandLine, paths: Paths, until: float) -> MonitorLocation | NoMonitor:
    if monitor.address is None:
        if monitor.inherited and monitor.chardev == _LIBVIRT_CHARDEV and line.name is not None:
            return _domain(vm, line.name, line.uuid, paths)
        return NoMonitor(monitor.reason)
    if isinstance(monitor.address, UnixAddress) and not monitor.address.abstract:
        return _locate_file(vm, monitor.address.path, line, paths, until)
    if in_other_namespace(vm.pid, "net", paths):
        return NoMonitor(f"its QMP socket {monitor.address} is in another network namespace")
    if isinstance(monitor.address, TcpAddress):
        return _locate_port(vm, monitor.address, paths)
    return monitor.address


def _locate_port(vm: Vm, address: TcpAddress, paths: Paths) -> TcpAddress | NoMonitor:
    """A port is used only if it can be seen that it is the VM's, which is checked at each connection."""
    if not address.loopback_hosts:
        return NoMonitor(f"its QMP socket {address} may be on another host: {REMEDY}")
    try:
        with os.scandir(paths.proc / str(vm.pid) / "fd"):
            return address
    except PermissionError:
        return NoMonitor(f"it cannot be seen whether the QMP socket {address} is the VM's own: {REMEDY}")
    except OSError as error:
        return NoMonitor(f"its QMP socket {address}: {error_text(error)}")


def _locate_file(vm: Vm, path: str, line: CommandLine, paths: Paths, until: float) -> UnixAddress | NoMonitor:
    contained = in_other_namespace(vm.pid, "mnt", paths)
    if contained and changes_root(line):
        where = "in a container, and QEMU has left its root folder"
        return NoMonitor(f"its QMP socket {clean_line(path)} is {where}: {REMEDY}")
    # Where a path is valid in the VM's container.
    root = f"{paths.proc}/{vm.pid}/root" if contained else ""
    if path.startswith("/"):
        return _look(vm, root + path, paths, until)
    if not leaves_folder(line):
        if vm.cwd is None:
            return _no_full_path(path, "its folder cannot be seen")
        now = f"{paths.proc}/{vm.pid}/cwd" if contained else vm.cwd
        return _look(vm, f"{now}/{path}", paths, until)
    folder = start_folder(vm.pid, paths)
    if folder is None:
        why = "QEMU has left its folder"
    else:
        found = _look(vm, f"{root}{folder.rstrip('/')}/{path}", paths, until)
        if isinstance(found, UnixAddress):
            return found
        # The program that started QEMU may have changed the folder, but not PWD.
        why = found.reason
    return _no_full_path(path, why)


def _no_full_path(path: str, why: str) -> NoMonitor:
    remedy = "start QEMU with the full path, or use --qmp"
    return NoMonitor(f"its QMP socket {clean_line(path)} has no full path, and {why}: {remedy}")


def _look(vm: Vm, place: str, paths: Paths, until: float) -> UnixAddress | NoMonitor:
    address = UnixAddress(place)
    owner = ""
    try:
        found = look(place, vm.pid, paths, until)
        if not found.may_write:
            owner = permissions.owner_and_mode_text(found.uid, found.gid, found.mode)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        return NoMonitor(connect_error_text(address, error, owner), isinstance(error, PermissionError))
    return address if stat.S_ISSOCK(found.mode) else NoMonitor(f"{address} is no socket")


def _domain(vm: Vm, name: str, uuid: str | None, paths: Paths) -> LibvirtDomain | NoMonitor:
    if not all(importlib.util.find_spec(each) for each in ("libvirt", "libvirt_qemu")):
        return NoMonitor(
            "libvirt owns its monitor, and the Python package libvirt-python is missing: see running-vms.md"
        )
    return LibvirtDomain(name, uuid, libvirt_uris(vm, paths))


def _user_of(pid: int, paths: Paths) -> int | None:
    try:
        return (paths.proc / str(pid)).stat().st_uid
    except OSError:
        return None


def in_other_namespace(pid: int, kind: str, paths: Paths = HOST) -> bool:
    """Whether the process is known to be in another namespace than this one."""
    try:
        theirs = os.readlink(paths.proc / str(pid) / "ns" / kind)  # noqa: PTH115
        return theirs != os.readlink(paths.proc / "self/ns" / kind)  # noqa: PTH115
    except OSError:
        return False
