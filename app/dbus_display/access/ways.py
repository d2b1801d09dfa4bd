"""The ways to a VM's D-Bus display: peer to peer through its monitor or libvirt, or on a bus.

The VM's command line tells which way it is. Nothing can be added to a running VM: QEMU makes the display when it starts
(add_client answers DeviceNotActive without it).
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.attach.duplicates import vm_text
from app.dbus_display.access import bus_lookup
from app.dbus_display.access.bus_address import session_bus_of, unix_addresses
from app.dbus_display.access.libvirt_display import connect_by_libvirt
from app.dbus_display.access.p2p import NoDbusDisplay, OnBus, OtherDisplay, connect_by_qmp
from app.dbus_display.connection.endpoint import Endpoint
from app.errors import DeviceBusy, NoSuchDevice, OpenFailed, PermissionDenied, UsageError
from app.host.paths import HOST, Paths
from app.host.process import age_s_of
from app.host.start_folder import start_variable
from app.host.vm import Vm
from app.qemu.display_backend import dbus_option
from app.qemu.qmp_address import QmpAddress, UnixAddress
from app.vm.monitor_lookup import LibvirtDomain, NoMonitor, find_monitor, in_other_namespace, is_libvirts
from app.vm.peer import CommandError, ConnectionLost

# QEMU makes its monitor's socket in the first second.
_STARTING_S = 5.0
_OTHER_USER = "run mdevview as the user of the VM, or as root, or let libvirt run the VM"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the display of one VM. ``key`` is the same for the same VM.

    ``open`` connects. It waits some seconds at most, and raises MdevviewError.
    """

    key: str
    open: Callable[[], Endpoint]


def way_to_vm(vm: Vm, started: int, qmp: QmpAddress | None = None, paths: Paths = HOST) -> Way:
    """The way to a VM that runs since ``started`` (clock ticks since boot). ``qmp`` is the monitor to use instead.

    A VM on a bus is looked up there, which waits some seconds at most. Raises MdevviewError: NoDbusDisplay if the VM
    was started without a D-Bus display.
    """
    option = dbus_option(vm.command_line())
    if option is None and vm.arguments and not vm.arguments_cut:
        raise _no_dbus_display(vm)
    if option is not None and not option.p2p:
        return _find_on_bus(vm, option.address, paths)

    def connect_again() -> socket.socket:
        found = _peer_to_peer(vm, started, qmp, paths)
        if isinstance(found, OnBus):
            raise _no_dbus_display(vm)
        return found

    def connect() -> Endpoint:
        found = _peer_to_peer(vm, started, qmp, paths)
        if isinstance(found, OnBus):
            return _find_on_bus(vm, found.address, paths).open()
        return Endpoint(found, None, connect_again)

    return Way(f"pid {vm.pid} {started}", connect)


def way_on_bus(address: UnixAddress, name: str, owner: int | None = None) -> Way:
    """The way to the VM of this unique name. ``owner`` is the process that named the bus; None: the user did."""
    return Way(f"bus {address} {name}", lambda: Endpoint(bus_lookup.connect(address, owner), name))


def _no_dbus_display(vm: Vm, kind: str | None = None) -> NoDbusDisplay:
    """The error for a VM that was started without. ``kind`` is the type of its display, if QEMU or libvirt told it."""
    has = f" (its display is {kind})" if kind else ""
    return NoDbusDisplay(f"{vm_text(vm)} has no D-Bus display{has}", lacking_option(vm))


def lacking_option(vm: Vm) -> str:
    """What a VM without a D-Bus display must be started with."""
    option = "<graphics type='dbus' p2p='yes'/>" if is_libvirts(vm.command_line()) else "-display dbus,p2p=yes"
    return f"start it with {option}: none can be added to a running VM"


def _peer_to_peer(vm: Vm, started: int, qmp: QmpAddress | None, paths: Paths) -> socket.socket | OnBus:
    """Our end of a pair of sockets whose other end QEMU has. Raises MdevviewError."""
    location = qmp or find_monitor(vm, paths, passes_fds=True)
    who = vm_text(vm)
    try:
        match location:
            case NoMonitor(reason, is_denied):
                problem = f"the screen of {who} comes through its monitor, but {reason}"
                if is_denied:
                    raise PermissionDenied(problem, _OTHER_USER)
                has_socket = any(isinstance(each.address, UnixAddress) for each in vm.command_line().monitors)
                raise (_starting(who, started, reason, paths) if has_socket else None) or OpenFailed(problem)
            case LibvirtDomain():
                return connect_by_libvirt(location)
            case _:
                return connect_by_qmp(location, vm.pid if qmp is None else None)
    except OtherDisplay as other:
        raise _no_dbus_display(vm, str(other)) from other
    except ConnectionLost as lost:
        error = _starting(who, started, str(lost), paths)
        raise error or OpenFailed(f"{who} does not give its screen: {lost}", "try again") from lost
    except CommandError as refused:
        raise OpenFailed(f"{who} refuses to give its screen: {refused}", "see its log") from refused


def _starting(who: str, started: int, reason: str, paths: Paths) -> DeviceBusy | None:
    """The error for a VM whose monitor may be missing because it has only just started."""
    age_s = age_s_of(started, paths) if started else None
    if age_s is None or age_s > _STARTING_S:
        return None
    return DeviceBusy(f"{who} is still starting: {reason}", "try again")


def _find_on_bus(vm: Vm, option: str | None, paths: Paths) -> Way:
    who = vm_text(vm)
    try:
        addresses = unix_addresses(option or _session_bus(vm, paths))
    except UsageError as error:
        raise OpenFailed(f"{who} is on a bus that cannot be used: {error.message}", error.remedy) from error
    contained = in_other_namespace(vm.pid, "mnt", paths)
    problem: NoSuchDevice | OpenFailed | PermissionDenied | None = None
    for each in addresses:
        # Where the path is valid in the VM's container.
        inside = contained and not each.abstract
        address = replace(each, path=f"{paths.proc}/{vm.pid}/root{each.path}") if inside else each
        try:
            found = bus_lookup.vms_on(address, vm.pid)
        except (NoSuchDevice, OpenFailed, PermissionDenied) as error:
            problem = problem or error
            continue
        for one in found:
            # The bus of a container may know the process by another number.
            is_same = one.pid == vm.pid or (len(found) == 1 and in_other_namespace(vm.pid, "pid", paths))
            if is_same:
                return way_on_bus(address, one.unique_name, vm.pid)
        problem = problem or NoSuchDevice(f"{who} is not on the bus {address}", "start the VM again")
    assert problem is not None
    raise type(problem)(f"{who}: {problem.message}", problem.remedy)


def _session_bus(vm: Vm, paths: Paths) -> str:
    """The address of the session bus that QEMU connected to (g_bus_get_sync() of GLib)."""
    if address := start_variable(vm.pid, "DBUS_SESSION_BUS_ADDRESS", paths):
        return address
    return session_bus_of(vm.uid if vm.uid is not None else 0)
