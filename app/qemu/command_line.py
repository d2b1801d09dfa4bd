"""Parses the command line of a running QEMU, as ``/proc/PID/cmdline`` shows it.

It is parsed as QEMU does: options with one dash or two (system/vl.c:lookup_opt), values as QemuOpts
(util/qemu-option.c), or as JSON for ``-device``. QEMU has accepted the command line already, so invalid parts are
ignored and nothing raises. A file named by ``-readconfig`` is not read.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress, tcp_address, unix_address

# The options without a value; all others take the next argument (qemu-options.hx, and older releases).
_BARE_NAMES = (
    "h help version enable-kvm no-kvm no-kvm-irqchip no-kvm-pit enable-hax snapshot no-fd-bootchk no-acpi no-hpet "
    "rtc-td-hack localtime S s daemonize usb nographic sdl curses no-frame alt-grab ctrl-grab no-quit full-screen "
    "portrait no-reboot no-shutdown nodefaults nodefconfig no-user-config old-param only-migratable win2k-hack "
    "semihosting xen-create xen-attach xen-domid-restrict mem-prealloc preconfig enable-fips enable-sync-profile "
    "perfmap jitdump singlestep async-teardown"
)
_BARE = frozenset(_BARE_NAMES.split())
# Any user may start a process named qemu with two megabytes of arguments, which would slow down every scan for VMs.
_MOST_ARGUMENTS = 8192
_MOST_CHARACTERS = 1 << 18
# Proxmox VE numbers its VMs from 100 to 999999999.
_VM_NUMBER = re.compile(r"[0-9]{1,9}")
_VFIO_DRIVERS = ("vfio-pci", "vfio-pci-nohotplug", "vfio-ap", "vfio-ccw", "vfio-platform")


@dataclass(frozen=True, slots=True)
class Option:
    """``-name value``. ``position`` is the name's index among the arguments; ``value`` is None if there is none."""

    position: int
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class DeviceOption:
    """A ``-device``. Values are text ("on", "off"); structured values, which only JSON has, are left out."""

    driver: str
    properties: Mapping[str, str] = field(default_factory=dict)
    position: int = 0

    @property
    def id(self) -> str | None:
        return self.properties.get("id")

    @property
    def is_vfio(self) -> bool:
        return self.driver in _VFIO_DRIVERS

    @property
    def vfio_name(self) -> str | None:
        """The sysfs name of the host's device; None if only a file descriptor is given, or for other devices.

        ``sysfsdev`` overrides ``host``, and the domain of a PCI address is optional (hw/vfio/pci.c).
        """
        if not self.is_vfio:
            return None
        if path := self.properties.get("sysfsdev", "").rstrip("/"):
            return path.rsplit("/", 1)[-1]
        host = self.properties.get("host", "").lower()
        return f"0000:{host}" if host.count(":") == 1 else host or None


@dataclass(frozen=True, slots=True)
class QmpMonitor:
    """One QMP monitor: the address where it listens, or the reason why one cannot connect to it."""

    address: QmpAddress | None = None
    reason: str = ""
    inherited: bool = False
    """Whether its socket is a file descriptor from the program that started QEMU."""
    chardev: str = ""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``monitors`` are in QEMU's order. ``reads_config`` says that there may be more options, which were not read."""

    options: tuple[Option, ...] = ()
    name: str | None = None
    uuid: str | None = None
    monitors: tuple[QmpMonitor, ...] = ()
    devices: tuple[DeviceOption, ...] = ()
    kvm: bool = False
    no_shutdown: bool = False
    daemonize: bool = False
    reads_config: bool = False

    @property
    def vfio_devices(self) -> tuple[DeviceOption, ...]:
        return tuple(each for each in self.devices if each.is_vfio)

    def has(self, *names: str) -> bool:
        return any(each.name in names for each in self.options)


def parse_command_line(arguments: Sequence[str]) -> CommandLine:
    """Parse the arguments of a process, starting with the program. Other programs than QEMU give little or nothing.

    If a command line is longer than any VM's, its end is not read and ``reads_config`` is set.
    """
    read = _limited(arguments)
    options = tuple(_options(read))
    values = {each.name: each.value for each in options}
    return CommandLine(
        options=options,
        name=_name(options),
        uuid=values.get("uuid"),
        monitors=tuple(_monitors(options)),
        devices=tuple(_devices(options)),
        kvm=any(_uses_kvm(each) for each in options),
        no_shutdown=_has_no_shutdown(options),
        daemonize="daemonize" in values,
        reads_config="readconfig" in values or len(read) < len(arguments),
    )


def vm_name(arguments: Sequence[str]) -> str | None:
    """The VM's name: ``-name foo``, ``-name guest=foo,debug-threads=on``, ``--name foo``; QEMU takes the last one."""
    return _name(tuple(_options(_limited(arguments))))


def vm_number(arguments: Sequence[str]) -> str | None:
    """The number by which Proxmox VE knows the VM: its QEMU has an option ``-id`` (config_to_command() in qemu-server).

    None if there is none, or a text that is no such number.
    """
    return _number(tuple(_options(_limited(arguments))))


def quoted(value: str) -> str:
    """A value for ``key=`` in a comma-separated list of QEMU: each comma is doubled."""
    return value.replace(",", ",,")


def items(value: str, first: str | None = None) -> list[tuple[str, str]]:
    """The keys and values of ``a=b,c=d``. If the first item has no key, its key is ``first``.

    A key without a value is "on"; with "no" before it, it is "off" (util/qemu-option.c:get_opt_name_value).
    """
    pairs: list[tuple[str, str]] = []
    # A NUL cannot occur in an argument.
    for position, item in enumerate(value.replace(",,", "\0").split(",")):
        key, equals, text = item.replace("\0", ",").partition("=")
        if equals:
            pairs.append((key, text))
        elif position == 0 and first is not None:
            pairs.append((first, key))
        elif key.startswith("no"):
            pairs.append((key.removeprefix("no"), "off"))
        elif key:
            pairs.append((key, "on"))
    return pairs


def _limited(arguments: Sequence[str]) -> Sequence[str]:
    """The first arguments. The limit is enough for a VM with hundreds of disks."""
    room = _MOST_CHARACTERS
    for count, each in enumerate(arguments[:_MOST_ARGUMENTS]):
        room -= len(each)
        if room < 0:
            return arguments[:count]
    return arguments[:_MOST_ARGUMENTS]


def _options(arguments: Sequence[str]) -> Iterator[Option]:
    position = 1
    while position < len(arguments):
        argument = arguments[position]
        name = argument[2:] if argument.startswith("--") else argument[1:]
        # An argument without a dash is a disk image.
        if argument.startswith("-") and name:
            if name in _BARE or position + 1 == len(arguments):
                yield Option(position, name, None)
            else:
                yield Option(position, name, arguments[position + 1])
                position += 1
        position += 1


def _values(options: Sequence[Option], name: str) -> list[str]:
    return [each.value for each in options if each.name == name and each.value is not None]


def _name(options: Sequence[Option]) -> str | None:
    name = None
    for value in _values(options, "name"):
        for key, text in items(value, "guest"):
            if key == "guest":
                name = text
    return name or None


def _number(options: Sequence[Option]) -> str | None:
    values = _values(options, "id")
    return values[-1] if values and _VM_NUMBER.fullmatch(values[-1]) else None


def _uses_kvm(option: Option) -> bool:
    match option.name:
        case "enable-kvm":
            return True
        case "accel":
            return ("accel", "kvm") in items(option.value or "", "accel")
        case "machine" | "M":
            # "kvm:tcg": QEMU tries them in this order.
            return any(key == "accel" and "kvm" in text.split(":") for key, text in items(option.value or "", "type"))
    return False


def _has_no_shutdown(options: Sequence[Option]) -> bool:
    """Whether QEMU keeps running when the guest powers off."""
    # -action shutdown=pause means the same as -no-shutdown.
    return any(each.name == "no-shutdown" for each in options) or any(
        ("shutdown", "pause") in items(value) for value in _values(options, "action")
    )


def _devices(options: Sequence[Option]) -> Iterator[DeviceOption]:
    for option in options:
        if option.name != "device" or option.value is None:
            continue
        properties = _json(option.value) if option.value.startswith("{") else dict(items(option.value, "driver"))
        if driver := properties.pop("driver", ""):
            yield DeviceOption(driver, properties, option.position)


def _json(text: str) -> dict[str, str]:
    try:
        document = json.loads(text)
    # RecursionError: it is nested deeper than QEMU accepts.
    except (ValueError, RecursionError):
        return {}
    return {key: word for key, value in document.items() if (word := _text(value)) is not None}


def _text(value: object) -> str | None:
    match value:
        case bool():
            return "on" if value else "off"
        case str() | int():
            return str(value)
    return None


def _monitors(options: Sequence[Option]) -> Iterator[QmpMonitor]:
    sockets = {}
    for value in _values(options, "chardev"):
        backend = dict(items(value, "backend"))
        sockets[backend.get("id", "")] = backend
    for option in options:
        if option.value is None:
            continue
        if option.name in ("qmp", "qmp-pretty"):
            # system/vl.c:monitor_parse
            kind, _, label = option.value.partition(":")
            yield _chardev(sockets.get(label)) if kind == "chardev" else _compat(option.value)
        elif option.name == "mon":
            mon = dict(items(option.value, "chardev"))
            if mon.get("mode") == "control":
                yield _chardev(sockets.get(mon.get("chardev", "")))


def _compat(value: str) -> QmpMonitor:
    """``-qmp unix:PATH,server=on,wait=off`` and the like (chardev/char.c:qemu_chr_parse_compat)."""
    kind, _, rest = value.removeprefix("mon:").partition(":")
    match kind:
        case "unix":
            return _chardev({"backend": "socket"} | dict(items(rest, "path")))
        case "tcp":
            place, _, more = rest.partition(",")
            host, _, port = place.rpartition(":")
            return _chardev({"backend": "socket", "host": host, "port": port} | dict(items(more)))
    return _chardev({"backend": kind.partition(",")[0]})


def _chardev(backend: Mapping[str, str] | None) -> QmpMonitor:
    if backend is None:
        return QmpMonitor(reason="its QMP monitor is not described on its command line")
    kind = backend.get("backend", "")
    if kind != "socket":
        return QmpMonitor(reason=f"its QMP monitor is {_BACKENDS.get(kind, 'not a socket')}")
    if "fd" in backend:
        reason = "its QMP socket belongs to the program that started it"
        return QmpMonitor(reason=reason, inherited=True, chardev=backend.get("id", ""))
    if not _on(backend.get("server", "off")):
        return QmpMonitor(reason="its QMP monitor does not listen: it connects to a program by itself")
    for key, words in (("telnet", "telnet"), ("tn3270", "tn3270"), ("websocket", "WebSocket")):
        if _on(backend.get(key, "off")):
            return QmpMonitor(reason=f"its QMP monitor speaks {words}")
    if backend.get("tls-creds"):
        return QmpMonitor(reason="its QMP monitor speaks TLS")
    address = _unix(backend) if "path" in backend else _tcp(backend)
    return QmpMonitor(address) if address else QmpMonitor(reason="the address of its QMP socket is invalid")


_BACKENDS = {
    "stdio": "its standard input and output",
    "null": "switched off",
    "none": "switched off",
    "pty": "a pseudo terminal",
    "vc": "in its own window",
    "file": "a file",
    "pipe": "a pipe",
}


def _unix(backend: Mapping[str, str]) -> UnixAddress | None:
    address = unix_address(backend["path"])
    if address is None or not _on(backend.get("abstract", "off")):
        return address
    return UnixAddress(address.path, abstract=True, tight=_on(backend.get("tight", "on")))


def _tcp(backend: Mapping[str, str]) -> TcpAddress | None:
    # A server that listens on all addresses listens on this host.
    host = backend.get("host", "")
    return tcp_address(f"{'' if host in ('0.0.0.0', '::', '[::]', '*') else host}:{backend.get('port', '')}")


def _on(word: str) -> bool:
    return word in ("on", "yes", "true", "y")
