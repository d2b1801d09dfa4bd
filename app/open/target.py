"""The TARGET that a user types to choose a device.

``TARGET = UUID, its start or its end | PCI address | pid:N[,fd=M] | pid:N[,console=N] | vm:NAME[,console=N] |
dbus:ADDRESS[,pid=N][,console=N] | xen:NAME|DOMID[,...] | fd:N | sim:PROFILE[,key=value...] |
replay:FILE[,speed=N][,start=S]``. Those of Xen are in :mod:`app.open.xen_target`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import AmbiguousTarget, UsageError
from app.host.drivers import KnownDisplay, known_display
from app.host.lookup import enumerate_vgpus, find_vgpu, names_of
from app.host.vgpu import Vgpu
from app.open.xen_target import XenRefs, XenScreen, parse_xen
from app.qemu.pci_address import is_pci_address
from app.text.suggestion import did_you_mean

# What stands before the colon of a target.
SCHEMES = ("vm", "pid", "dbus", "xen", "fd", "sim", "replay")

_UUID_PART = re.compile(r"[0-9a-fA-F][0-9a-fA-F-]{0,35}")
_KINDS = (
    "a TARGET is a vGPU's UUID, its start or its end, a PCI address, pid:N, vm:NAME (or the VM's number), "
    "dbus:ADDRESS, xen:NAME (or the domain's number), fd:N, sim:PROFILE or replay:FILE"
)
# The addresses of D-Bus have no such keys ("Server Addresses" in the D-Bus specification).
_DBUS_OPTION = re.compile(r"(.+),(pid|console)=([^,]*)", re.DOTALL)
_CONSOLE = re.compile(r"(.+),console=([^,]*)", re.DOTALL)
_MOST_CONSOLE = 9999
_MOST_PID = 999999999
_REPLAY_OPTION = re.compile(r"(.+),(speed|start)=([^,]*)", re.DOTALL)
_DECIMAL = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,9})?")
# Lower numbers are the standard streams.
_FIRST_FD = 3


@dataclass(frozen=True, slots=True)
class Default:
    """No target was given: the only screen of the host, or a simulated vGPU if there is none."""


@dataclass(frozen=True, slots=True)
class Named:
    """A UUID, the start or the end of a UUID, or a PCI address, in lower case."""

    text: str


@dataclass(frozen=True, slots=True)
class Pid:
    """The screen of the VM in a process: its vGPU, or a console of its D-Bus display.

    ``fd`` is the vGPU's fd in that process, needed if it has several devices. ``console`` is the number of a console.
    """

    pid: int
    fd: int | None = None
    console: int | None = None


@dataclass(frozen=True, slots=True)
class VmName:
    """The screen of the VM of that name, or of that number where a manager numbers its VMs (Proxmox VE).

    It is the VM's vGPU, or a console of its D-Bus display: the one of the number ``console``, or else its only one.
    """

    name: str
    console: int | None = None


@dataclass(frozen=True, slots=True)
class DbusBus:
    """A console of a VM on the bus at that address of D-Bus. ``pid`` is the VM's, needed if the bus has several."""

    address: str
    pid: int | None = None
    console: int | None = None


@dataclass(frozen=True, slots=True)
class InheritedFd:
    """A device fd that the parent process left open."""

    fd: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated device. ``spec`` is the text after ``sim:``; the simulator parses it."""

    spec: str


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording, played at ``speed`` (0: as fast as it can be shown) from ``start_s`` seconds on."""

    file: str
    speed: float = 1.0
    start_s: float = 0.0


Resolved = Vgpu | Pid | VmName | DbusBus | XenScreen | XenRefs | InheritedFd | Simulated | Replay
Target = Default | Named | Pid | VmName | DbusBus | XenScreen | XenRefs | InheritedFd | Simulated | Replay

# Without a vGPU this is shown.
SIMULATED_DEFAULT = Simulated("gvt")


def parse_target(text: str | None) -> Target:
    """Parse a target without looking for its device. Raises UsageError."""
    if text is None:
        return Default()
    if is_pci_address(text):
        return Named(text.lower())
    scheme, colon, rest = text.partition(":")
    if colon:
        return _of_scheme(text, scheme, rest)
    if _UUID_PART.fullmatch(text):
        return Named(text.lower())
    raise UsageError(f"{text!r} is no target", _KINDS)


def _of_scheme(text: str, scheme: str, rest: str) -> Target:
    if not rest:
        raise UsageError(f"{text!r} is no target: nothing follows the colon", _KINDS)
    match scheme:
        case "sim":
            return Simulated(rest)
        case "replay":
            return _replay(text, rest)
        case "vm":
            name, console = _console(text, rest)
            return VmName(name, console)
        case "pid":
            return _pid(text, rest)
        case "dbus":
            return _dbus(text, rest)
        case "xen":
            return parse_xen(text, rest)
        case "fd":
            return InheritedFd(_number(text, rest, least=_FIRST_FD))
    raise UsageError(f"{text!r} is no target", did_you_mean(scheme, SCHEMES, ":") + _KINDS)


def _console(text: str, rest: str) -> tuple[str, int | None]:
    """The name of a VM, which may have commas, and the console after it."""
    match = _CONSOLE.fullmatch(rest)
    return (match[1], _number(text, match[2], least=0, most=_MOST_CONSOLE)) if match else (rest, None)


def _pid(text: str, rest: str) -> Pid:
    pid, comma, option = rest.partition(",")
    if not comma:
        return Pid(_number(text, pid, least=1))
    key, equals, number = option.partition("=")
    if equals and key == "fd":
        return Pid(_number(text, pid, least=1), _number(text, number, least=0))
    if equals and key == "console":
        return Pid(_number(text, pid, least=1), None, _number(text, number, least=0, most=_MOST_CONSOLE))
    raise UsageError(f"{text!r} is no target: after the pid comes fd=N, for a vGPU, or console=N", _KINDS)


def _dbus(text: str, rest: str) -> DbusBus:
    """The address may have commas: only our options at the end are taken off."""
    address, options = rest, dict[str, int]()
    while match := _DBUS_OPTION.fullmatch(address):
        address, key, digits = match.groups()
        is_pid = key == "pid"
        number = _number(text, digits, least=int(is_pid), most=_MOST_PID if is_pid else _MOST_CONSOLE)
        options.setdefault(key, number)
    return DbusBus(address, options.get("pid"), options.get("console"))


def _replay(text: str, rest: str) -> Replay:
    """The name of the file may have commas: only options at the end are taken off."""
    file, speed, start = rest, 1.0, 0.0
    while match := _REPLAY_OPTION.fullmatch(file):
        file, key, value = match.groups()
        if key == "start":
            start = _decimal(text, value)
        elif value == "max":
            speed = 0.0
        else:
            speed = _decimal(text, value)
            if not speed:
                raise UsageError(f"{text!r} is no target: a speed is more than 0, or max", _KINDS)
    return Replay(file, speed, start)


def _decimal(text: str, digits: str) -> float:
    if not _DECIMAL.fullmatch(digits):
        raise UsageError(f"{text!r} is no target: {digits!r} is no number", _KINDS)
    return float(digits)


def _number(text: str, digits: str, least: int, most: int = _MOST_PID) -> int:
    # isdecimal() is also true for digits of other scripts. Longer numbers would overflow a C int.
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10) or not least <= int(digits) <= most:
        raise UsageError(f"{text!r} is no target: {digits!r} is no number from {least} to {most}", _KINDS)
    return int(digits)


def vm_named(target: Target) -> str:
    """The VM's name as the user typed it; empty for a target that names none."""
    match target:
        case VmName(name):
            return name
        case XenScreen(guest) | XenRefs(guest):
            return guest
    return ""


def resolve(target: Target, vgpus: Sequence[Vgpu], displays: Sequence[str] = ()) -> Resolved:
    """Find the screen of a target. ``displays`` are the targets of the host's other screens.

    Raises NoSuchDevice, and AmbiguousTarget if several fit.
    """
    match target:
        case Default():
            return _only(vgpus, displays)
        case Named(text):
            return find_vgpu(text, vgpus)
        case Simulated() | InheritedFd() | Pid() | VmName() | DbusBus() | XenScreen() | XenRefs() | Replay():
            return target


def _only(vgpus: Sequence[Vgpu], displays: Sequence[str]) -> Resolved:
    # The list may have plain pass-through and other devices without a display. They are never chosen.
    shown = tuple(each for each in vgpus if known_display(each) is not KnownDisplay.NONE)
    if not shown and not displays:
        return SIMULATED_DEFAULT
    if len(shown) == 1 and not displays:
        return shown[0]
    if len(displays) == 1 and not shown:
        # No other kind of target stands for a D-Bus display or a Xen guest.
        found = parse_target(displays[0])
        assert isinstance(found, VmName | Pid | XenScreen)
        return found
    what = f"{len(shown) + len(displays)} screens" if displays else f"{len(shown)} vGPUs"
    listed = ", ".join(each for each in (enumerate_vgpus(shown), *displays) if each)
    raise AmbiguousTarget(f"{what}: {listed}", "give one of them as TARGET", (*names_of(shown), *displays))
