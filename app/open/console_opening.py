"""Opens what a VM shows: its vGPU, or a console of its D-Bus display.

A VM may have both. Without ``,console=N`` its vGPU is meant. Its command line tells whether it has them. Where that
cannot be read, the VM is asked for its D-Bus display after its vGPU was not found.
"""

from collections.abc import Callable

from app.attach.running_vm import NoVfioDevice, vm_named
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, ProcessGone
from app.host.dbus_display import has_dbus_display
from app.host.discovery import discover
from app.host.drivers import KnownDisplay, known_display
from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.host.vmm import vm_of
from app.open.session import Session
from app.open.target import DbusBus, Pid, VmName
from app.qemu.command_line import parse_command_line
from app.qemu.qmp_address import QmpAddress
from app.text.clean import clean


def open_vm_screen(
    target: VmName | Pid | DbusBus, scan: HostScan, qmp: QmpAddress | None, open_vgpu: Callable[[], Session]
) -> Session:
    """``open_vgpu`` opens the VM's vGPU. Raises MdevviewError and OSError."""
    if isinstance(target, DbusBus):
        # Imported here, because other targets need neither jeepney nor asyncio.
        from app.open.dbus_session import open_bus_console  # noqa: PLC0415

        return open_bus_console(target, scan, qmp)
    if isinstance(target, Pid) and target.fd is not None:
        return open_vgpu()
    process = vm_named(target.name, scan) if isinstance(target, VmName) else scan.process(target.pid)
    if target.console is not None:
        if process is None:
            raise ProcessGone(f"there is no {_text(target)}", "'mdevview list' shows which VMs run")
        return _open_console(process, target.console, scan, qmp)
    if process is None:
        return open_vgpu()
    has_consoles = has_dbus_display(process)
    if has_consoles and not _may_have_vgpu(process, scan):
        return _open_console(process, None, scan, qmp)
    try:
        return open_vgpu()
    except NoVfioDevice as error:
        if has_consoles:
            return _open_console(process, None, scan, qmp)
        if not process.command_line or process.arguments_cut:
            return _open_unknown(process, scan, qmp, error)
        from app.dbus_display.access.ways import lacking_option  # noqa: PLC0415

        remedy = lacking_option(vm_of(process, scan.paths))
        raise NoSuchDevice(f"{error.message}, and no D-Bus display", remedy) from error
    except OpenFailed:
        # None of its devices has a display.
        if has_consoles:
            return _open_console(process, None, scan, qmp)
        raise


def _open_unknown(process: ScannedProcess, scan: HostScan, qmp: QmpAddress | None, no_vgpu: MdevviewError) -> Session:
    try:
        return _open_console(process, None, scan, qmp)
    except MdevviewError as error:
        raise no_vgpu from error


def _open_console(process: ScannedProcess, console: int | None, scan: HostScan, qmp: QmpAddress | None) -> Session:
    from app.open.dbus_session import open_vm_console  # noqa: PLC0415

    return open_vm_console(process, console, scan, qmp)


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


def _text(target: VmName | Pid) -> str:
    return f"VM {clean(target.name)}" if isinstance(target, VmName) else f"process {target.pid}"
