"""The VMs of this host whose screens can be seen through QEMU's D-Bus display, by their command lines."""

from collections import Counter
from dataclasses import dataclass

from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.host.vm import Vm
from app.host.vmm import vm_of
from app.qemu.command_line import parse_command_line, vm_name
from app.qemu.display_backend import dbus_option


@dataclass(frozen=True, slots=True)
class DbusDisplay:
    """A VM that was started with ``-display dbus``. The VM chose its command line, so this is only a claim.

    ``p2p``: clients come through the VM's monitor. ``address`` is that of the bus, None for the session bus of the VM's
    user. ``gl``: QEMU renders with OpenGL, so that scanouts are dma-bufs. ``is_only_one``: no other VM has its name.
    """

    vm: Vm
    p2p: bool
    address: str | None = None
    gl: bool = False
    is_only_one: bool = True

    @property
    def target(self) -> str:
        """The TARGET that opens it: ``vm:NAME``, or ``pid:N`` for a VM without a name of its own."""
        name = self.vm.name
        # A name with control characters, or a very long one, is only shown in part. ",console=N" is a part of a target.
        is_whole = name is not None and name == vm_name(self.vm.arguments) and ",console=" not in name
        return f"vm:{name}" if is_whole and self.is_only_one else f"pid:{self.vm.pid}"


def has_dbus_display(process: ScannedProcess) -> bool:
    """Whether the process was started with ``-display dbus``, by its command line."""
    # Any user may start many processes with long command lines that look like a VM's.
    return b"dbus" in process.command_line and dbus_option(parse_command_line(process.arguments)) is not None


def dbus_displays(scan: HostScan) -> tuple[DbusDisplay, ...]:
    """The D-Bus displays among the VMs of a scan, sorted by pid. Connects to nothing."""
    names = Counter(each.vm_name for each in scan.vms)
    found = []
    for process in sorted(scan.vms, key=lambda each: each.pid):
        if not has_dbus_display(process):
            continue
        vm = vm_of(process, scan.paths)
        if (option := dbus_option(vm.command_line())) is not None:
            found.append(DbusDisplay(vm, option.p2p, option.address, option.gl, names[vm.name] == 1))
    return tuple(found)
