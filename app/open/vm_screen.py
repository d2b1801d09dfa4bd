"""Which screen of a VM a target means: its vGPU, or a console of its D-Bus display."""

from dataclasses import dataclass

from app.attach.running_vm import vm_named
from app.host.dbus_display import has_dbus_display
from app.host.discovery import discover
from app.host.drivers import KnownDisplay, known_display
from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.open.target import Pid, VmName
from app.qemu.command_line import parse_command_line


@dataclass(frozen=True, slots=True)
class VmScreen:
    """``process`` is the VM's, None if it cannot be seen.

    ``has_vgpu``: it has a VFIO device that may have a display. ``has_consoles``: it was started with a D-Bus display.
    ``says_nothing``: its command line cannot be read, or not as a whole.
    """

    process: ScannedProcess | None
    has_vgpu: bool
    has_consoles: bool
    says_nothing: bool


def screen_of(target: VmName | Pid, scan: HostScan) -> VmScreen:
    """The screen of the VM of a target. Raises NoSuchDevice, and UsageError if several VMs have the name."""
    process = vm_named(target.name, scan) if isinstance(target, VmName) else scan.process(target.pid)
    if process is None:
        return VmScreen(None, has_vgpu=True, has_consoles=False, says_nothing=True)
    says_nothing = not process.command_line or process.arguments_cut
    return VmScreen(process, _may_have_vgpu(process, scan), has_dbus_display(process), says_nothing)


def _may_have_vgpu(process: ScannedProcess, scan: HostScan) -> bool:
    """Whether it has a VFIO device that may have a display: by its open files, or else by its command line."""
    vgpus = discover(scan)
    if process.has_vfio_files:
        held = [each for each in vgpus if any(holder.pid == process.pid for holder in each.holders)]
        return not held or any(known_display(each) is not KnownDisplay.NONE for each in held)
    if not process.files_hidden:
        return False
    named = [each.vfio_name for each in parse_command_line(process.arguments).vfio_devices]
    without = {each.name for each in vgpus if known_display(each) is KnownDisplay.NONE}
    return any(each not in without for each in named)
