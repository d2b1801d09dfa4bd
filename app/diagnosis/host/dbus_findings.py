"""Findings about QEMU's D-Bus display: what shows it here, and which VMs have one. Connects to no VM."""

from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from app.diagnosis.finding import Finding, Severity
from app.host.dbus_display import DbusDisplay, dbus_displays
from app.host.paths import Paths
from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.host.wording import process_text
from app.vm.monitor_lookup import NoMonitor, find_monitor

# Where distributions have QEMU's modules (Debian, Fedora, Arch, openSUSE).
_MODULES = ("usr/lib/*-linux-gnu*/qemu", "usr/lib64/qemu*", "usr/lib/qemu*")
_MOST_VMS = 8
_ADD = (
    "start it with -display dbus,p2p=yes and a QMP socket (-qmp unix:FILE,server=on,wait=off; libvirt: "
    "<graphics type='dbus' p2p='yes'/>): it cannot be added to a VM that runs"
)


def dbus_findings(
    scan: HostScan, root: Path = Path("/"), version_of: Callable[[str], str] = metadata.version
) -> Iterator[Finding]:
    """The library, QEMU's module, and the VMs of a scan. Finding the monitor of each VM may take a second."""
    yield _library(version_of)
    yield from _module(root)
    displays = dbus_displays(scan)
    for each in displays[:_MOST_VMS]:
        yield _display(each, scan.paths)
    with_display = {each.vm.pid for each in displays}
    without = [each for each in scan.vms if each.pid not in with_display]
    if without:
        yield _without(without)


def _library(version_of: Callable[[str], str]) -> Finding:
    try:
        version = version_of("jeepney")
    except metadata.PackageNotFoundError:
        return Finding(
            "jeepney",
            Severity.WARNING,
            "the Python module jeepney is missing: no screen of a VM with -display dbus can be shown",
            "",
            "pip install jeepney, or Debian's package python3-jeepney",
        )
    return Finding("jeepney", Severity.OK, f"jeepney {version} talks to VMs with -display dbus")


def _module(root: Path) -> Iterator[Finding]:
    """Whether QEMU's D-Bus display is installed. Nothing is said where QEMU has no modules: it may be built in."""
    folders = [each for pattern in _MODULES for each in sorted(root.glob(pattern)) if any(each.glob("*.so"))]
    if not folders:
        return
    found = [each / "ui-dbus.so" for each in folders if (each / "ui-dbus.so").exists()]
    if not found:
        yield Finding(
            "qemu-dbus",
            Severity.INFO,
            "QEMU's D-Bus display is not installed: no VM can be started with -display dbus",
            f"there is no ui-dbus.so in {', '.join(map(str, folders))}",
            "install it (Debian: qemu-system-modules-opengl, before Debian 13 qemu-system-gui; Fedora: qemu-ui-dbus)",
        )
        return
    has_gl = (found[0].parent / "ui-opengl.so").exists()
    yield Finding(
        "qemu-dbus",
        Severity.OK,
        "QEMU has the D-Bus display" + ("" if has_gl else ", without OpenGL (gl=on)"),
        str(found[0]),
        "" if has_gl else "for gl=on install QEMU's OpenGL modules (Debian: qemu-system-modules-opengl)",
    )


def _display(display: DbusDisplay, paths: Paths) -> Finding:
    vm = display.vm
    who = process_text(vm.process, vm.pid, vm.name, vm.uid, vm.id)
    way = "p2p" if display.p2p else f"on the bus {display.address or 'of its user'}"
    evidence = f"-display dbus, {way}" + (", gl" if display.gl else "")
    if display.p2p:
        monitor = find_monitor(vm, paths, passes_fds=True)
        if isinstance(monitor, NoMonitor):
            return Finding(
                "dbus-display",
                Severity.WARNING,
                f"{who} has a D-Bus display, but no monitor through which it can be reached",
                evidence,
                monitor.reason,
            )
    return Finding(
        "dbus-display",
        Severity.OK,
        f"{who} has a D-Bus display",
        evidence,
        f"'mdevview view {display.target}' shows it",
    )


def _without(vms: Sequence[ScannedProcess]) -> Finding:
    # Without their names, which a report must not tell.
    names = [process_text(each.name, each.pid, uid=each.uid) for each in vms[:_MOST_VMS]]
    more = f" and {len(vms) - _MOST_VMS} more" if len(vms) > _MOST_VMS else ""
    count = "a VM has" if len(vms) == 1 else f"{len(vms)} VMs have"
    return Finding(
        "dbus-display",
        Severity.INFO,
        f"{count} no D-Bus display: of such a VM only a vGPU's screen can be shown",
        ", ".join(names) + more,
        f"to see another screen of a VM, {_ADD}",
    )
