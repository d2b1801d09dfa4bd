"""The screens of this host that a user can choose: vGPUs, D-Bus displays of VMs, guests of Xen. Opens none of them."""

from dataclasses import dataclass

from app.host.dbus_display import DbusDisplay, dbus_displays
from app.host.discovery import discover
from app.host.guest_screen import GuestScreen
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.host.wording import process_text
from app.text.clean import LONGEST_LINE, clean

FIRST_CONSOLE = ",console=0"
"""What names the first console in a TARGET. QEMU gives its graphic consoles the first numbers (ui/console.c)."""


@dataclass(frozen=True, slots=True)
class HostScreens:
    """``displays`` are sorted by pid. A VM that has a vGPU and a D-Bus display is in both.

    ``guests`` are the screens of Xen guests; ``guests_note`` says why they are not listed, and is empty if they are.
    """

    vgpus: tuple[Vgpu, ...] = ()
    displays: tuple[DbusDisplay, ...] = ()
    guests: tuple[GuestScreen, ...] = ()
    guests_note: str = ""

    @property
    def are_none(self) -> bool:
        return not (self.vgpus or self.displays or self.guests)

    @property
    def pushed_targets(self) -> tuple[str, ...]:
        """The TARGETs of those that are no vGPUs."""
        return (*map(self.target_of, self.displays), *(each.target for each in self.guests))

    def has_vgpu(self, display: DbusDisplay) -> bool:
        """Whether the VM of a D-Bus display has, or claims to have, a vGPU, too."""
        pid = display.vm.pid
        return any(each.pid == pid for vgpu in self.vgpus for each in (*vgpu.holders, *vgpu.claims))

    def target_of(self, display: DbusDisplay) -> str:
        """The shortest TARGET that opens a VM's console. The VM's name alone means its vGPU, if it has one.

        If the VM has several consoles, only :func:`first_console` opens one without asking which.
        """
        return first_console(display) if self.has_vgpu(display) else display.target


def first_console(display: DbusDisplay) -> str:
    """The TARGET of the first console of a VM: of its first screen if it has one."""
    return f"{display.target}{FIRST_CONSOLE}"


def find_screens(scan: HostScan) -> HostScreens:
    """The vGPUs and D-Bus displays that a scan shows. Reads the command lines of the VMs."""
    return HostScreens(discover(scan), dbus_displays(scan))


def access_text(display: DbusDisplay) -> str:
    """How clients reach a D-Bus display, and whether QEMU draws with OpenGL: ``peer to peer, OpenGL``."""
    if display.p2p:
        way = "peer to peer"
    else:
        way = "session bus" if display.address is None else f"bus {clean(display.address, LONGEST_LINE)}"
    return f"{way}, OpenGL" if display.gl else way


def vm_text(display: DbusDisplay) -> str:
    """The process of its VM, as all messages name it: ``qemu-system-x86 4711 of bob (VM win10)``."""
    vm = display.vm
    return process_text(vm.process, vm.pid, vm.name, vm.uid, vm.id)
