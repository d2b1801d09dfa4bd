"""The VMs of this host whose screens can be seen through QEMU's D-Bus display, by their command lines."""

from dataclasses import dataclass

from app.host.scan import HostScan
from app.host.vm import Vm


@dataclass(frozen=True, slots=True)
class DbusDisplay:
    """A VM that was started with ``-display dbus``. The VM chose its command line, so this is only a claim.

    ``p2p``: clients come through the VM's monitor. ``address`` is that of the bus, None for the session bus of the VM's
    user. ``gl``: QEMU renders with OpenGL, so that scanouts are dma-bufs.
    """

    vm: Vm
    p2p: bool
    address: str | None = None
    gl: bool = False

    @property
    def target(self) -> str:
        """The TARGET that opens it: ``vm:NAME``, or ``pid:N`` for a VM without a name."""
        return f"vm:{self.vm.name}" if self.vm.name else f"pid:{self.vm.pid}"


def dbus_displays(scan: HostScan) -> tuple[DbusDisplay, ...]:
    """The D-Bus displays among the VMs of a scan, sorted by pid. Connects to nothing."""
    raise NotImplementedError
