"""The route of input to a VM: its QMP socket, libvirt, or none."""

import weakref
from dataclasses import dataclass
from typing import Protocol

from app.host.paths import HOST, Paths
from app.host.vm import Vm
from app.qemu.qmp_address import QmpAddress, TcpAddress
from app.vm.manager import manager_of
from app.vm.monitor import Changed, Monitor
from app.vm.monitor_lookup import LibvirtDomain, NoMonitor, find_monitor
from app.vm.monitor_timeouts import SHARED


class InputRoute(Protocol):
    """The input route of a session. It does not connect before :meth:`open`."""

    @property
    def reason(self) -> str:
        """Why input cannot be sent; empty if it can."""
        ...

    @property
    def destination(self) -> str:
        """The port to which keys go because the user said so; empty if they go to a process that is known."""
        ...

    @property
    def manager(self) -> str:
        """The program that starts VMs and needs this VM's QMP socket, too; empty if none is known."""
        ...

    @property
    def taints(self) -> bool:
        """Whether the VM's manager marks the VM for good once it is open: libvirt then calls its domain tainted."""
        ...

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        """Connect. Returns at once: the monitor's status tells whether the VM answers.

        A QMP socket is held for a short time only, so that other programs can use it. With ``keep`` it is held until
        the monitor is closed. Raises ValueError if there is a reason why input cannot be sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoInput:
    """No input can be sent, for this reason."""

    reason: str
    destination = manager = ""
    taints = False

    def open(self, _changed: Changed, *, keep: bool = False) -> Monitor:
        raise ValueError(self.reason)


SIMULATED = NoInput("a simulated device takes no input")
RECORDED = NoInput("a recording takes no input")
NO_VM = NoInput("no VM is known to have this device")


@dataclass(frozen=True, slots=True)
class QmpInput:
    """A QMP socket. If ``owner`` is given, that process must be at the other end."""

    address: QmpAddress
    owner: int | None = None
    reason = ""
    taints = False

    @property
    def destination(self) -> str:
        return str(self.address) if self.owner is None and isinstance(self.address, TcpAddress) else ""

    @property
    def manager(self) -> str:
        return manager_of(self.address)

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        # Imported here: a program without a VM needs no asyncio.
        from app.vm.qmp import open_monitor  # noqa: PLC0415

        return open_monitor(self.address, changed, None if keep else SHARED, self.owner)


@dataclass(frozen=True, slots=True)
class LibvirtInput:
    """The monitor of a libvirt domain, through libvirt. ``owner`` must be the process of the domain."""

    domain: LibvirtDomain
    owner: int
    # libvirt keeps its socket, and passes on what it is asked.
    reason = destination = manager = ""
    taints = True

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        from app.vm.libvirt import open_domain  # noqa: PLC0415

        return open_domain(self.domain, changed, owner=self.owner)


class TrackedRoute:
    """Another route, which remembers the monitor that was opened by it. So others can ask that monitor.

    It does not keep the monitor alive: who opened it owns it.
    """

    def __init__(self, route: InputRoute) -> None:
        self.route = route
        self._opened: weakref.ref[Monitor] | None = None

    @property
    def reason(self) -> str:
        return self.route.reason

    @property
    def destination(self) -> str:
        return self.route.destination

    @property
    def manager(self) -> str:
        return self.route.manager

    @property
    def taints(self) -> bool:
        return self.route.taints

    @property
    def opened(self) -> Monitor | None:
        """The monitor that was opened last, None if its owner has let go of it. Any thread may ask for it."""
        return self._opened() if self._opened is not None else None

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        monitor = self.route.open(changed, keep=keep)
        self._opened = weakref.ref(monitor)
        return monitor


def input_route(vm: Vm | None, qmp: QmpAddress | None, paths: Paths = HOST) -> InputRoute:
    """The route to ``vm``: the address ``qmp`` if the user gave one, otherwise the monitor on the VM's command line.

    Reads /proc and checks the socket's file, but does not connect. An address that the user gave is not checked.
    """
    if qmp is not None:
        return QmpInput(qmp)
    if vm is None:
        return NO_VM
    match find_monitor(vm, paths):
        case NoMonitor(reason=reason):
            return NoInput(reason)
        case LibvirtDomain() as domain:
            return LibvirtInput(domain, vm.pid)
        case address:
            return QmpInput(address, vm.pid)
