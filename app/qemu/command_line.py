"""Parses the command line of a running QEMU, as ``/proc/PID/cmdline`` shows it.

It is parsed as QEMU does: options with one dash or two (system/vl.c:lookup_opt), values as QemuOpts
(util/qemu-option.c), or as JSON for ``-device``. The options of a configuration file (``-readconfig``) stand where the
file is named, ``-set`` adds to an option before it, and a device's own properties come before those of ``-global``
(object_apply_global_props() in qom/object.c). QEMU has accepted the command line already, so invalid parts are ignored
and nothing raises. No file is read here.
"""

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.qemu.option_text import GlobalProperty, global_property, items, json_items, pair, sections, set_option
from app.qemu.pci_address import full_address
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
# What these types of devices are, besides themselves: a global property of one of them counts, too.
_PARENTS = {"vfio-pci-nohotplug": ("vfio-pci",)}
_ALL_DEVICES = ("vfio-pci-base", "pci-device", "device")
_VFIO_DRIVERS = ("vfio-pci", "vfio-pci-nohotplug", "vfio-ap", "vfio-ccw", "vfio-platform")


@dataclass(frozen=True, slots=True)
class Option:
    """``-name value``. ``position`` is the name's index among the arguments; ``value`` is None if there is none."""

    position: int
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class DeviceOption:
    """A ``-device``. Values are text ("on", "off"); structured values, which only JSON has, are left out.

    ``properties`` has the global properties of a VFIO device's driver, too.
    """

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
        return full_address(self.properties.get("host", "")) or None


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
    """``monitors`` are in QEMU's order. ``reads_config`` says that there may be more options, which were not read.

    ``options`` are those of the arguments and of the files that were read, with what ``-set`` adds.
    """

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


def parse_command_line(arguments: Sequence[str], configs: Mapping[str, str] | None = None) -> CommandLine:
    """Parse the arguments of a process, starting with the program. Other programs than QEMU give little or nothing.

    ``configs`` are the texts of the files that ``-readconfig`` names, by the name given there. If one is missing, if
    ``-set`` names an option that is not found, or if the command line is longer than any VM's so that its end is not
    read, ``reads_config`` is set.
    """
    read = _limited(arguments)
    given = tuple(_options(read))
    texts = configs or {}
    options, is_complete = _with_configs(given, texts)
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
        reads_config=not is_complete or len(read) < len(arguments),
    )


def config_names(arguments: Sequence[str]) -> list[str]:
    """The files that ``-readconfig`` names."""
    return _values(tuple(_options(_limited(arguments))), "readconfig")


def vm_name(arguments: Sequence[str]) -> str | None:
    """The VM's name: ``-name foo``, ``-name guest=foo,debug-threads=on``, ``--name foo``; QEMU takes the last one."""
    return _name(tuple(_options(_limited(arguments))))


def vm_number(arguments: Sequence[str]) -> str | None:
    """The number by which Proxmox VE knows the VM: its QEMU has an option ``-id`` (config_to_command() in qemu-server).

    None if there is none, or a text that is no such number.
    """
    return _number(tuple(_options(_limited(arguments))))


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


def _with_configs(given: Sequence[Option], configs: Mapping[str, str]) -> tuple[tuple[Option, ...], bool]:
    """The options in QEMU's order, with those of configuration files, and with what ``-set`` adds.

    Also whether all files are in ``configs`` and all options to add to were found. A file that is named again is read
    again, as by QEMU, up to the limit for all files together.
    """
    options = _OptionList()
    is_complete = True
    room = _MOST_CHARACTERS
    for each in given:
        if each.name == "set":
            is_complete &= options.set(each.value or "")
        options.add(each)
        if each.name == "readconfig":
            text = configs.get(each.value or "")
            if text is None or len(text) > room:
                is_complete = False
                continue
            room -= len(text)
            for group, value in sections(text):
                options.add(Option(each.position, group, value))
    return options.all(), is_complete


class _OptionList:
    """Options in their order. What ``-set`` adds is put together at the end, so that many of them take linear time."""

    def __init__(self) -> None:
        self._options: list[Option] = []
        # The first option of each group and id, and what is added to an option, by its place in the order.
        self._places: dict[tuple[str, str], int] = {}
        self._added: dict[int, list[str]] = {}

    def add(self, option: Option) -> None:
        value = option.value or ""
        # An option in JSON has no id that QEMU would find.
        if "id=" in value and not value.startswith("{"):
            for key, word in items(value):
                if key == "id":
                    self._places.setdefault((option.name, word), len(self._options))
        self._options.append(option)

    def set(self, text: str) -> bool:
        """Add a key to the option that ``-set`` names. Returns whether it is found."""
        given = set_option(text)
        place = self._places.get((given.group, given.id)) if given is not None else None
        if given is None or place is None or not (more := pair(given.key, given.value)):
            return False
        self._added.setdefault(place, []).append(more)
        if given.key == "id":
            self._places.setdefault((given.group, given.value), place)
        return True

    def all(self) -> tuple[Option, ...]:
        for place, more in self._added.items():
            option = self._options[place]
            self._options[place] = replace(option, value=",".join((option.value or "", *more)))
        self._added.clear()
        return tuple(self._options)


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
    given = [each for value in _values(options, "global") if (each := global_property(value)) is not None]
    # One mapping for all devices of a driver: any user may give thousands of both. Those of other drivers say nothing
    # here.
    defaults = {driver: _of_driver(driver, given) for driver in _VFIO_DRIVERS}
    for option in options:
        if option.name != "device" or option.value is None:
            continue
        properties = json_items(option.value) if option.value.startswith("{") else dict(items(option.value, "driver"))
        if driver := properties.pop("driver", ""):
            merged = ChainMap(properties, defaults[driver]) if defaults.get(driver) else properties
            yield DeviceOption(driver, merged, option.position)


def _of_driver(driver: str, defaults: Sequence[GlobalProperty]) -> dict[str, str]:
    """The global properties of a driver; of several values the last one counts."""
    kinds = (driver, *_PARENTS.get(driver, ()), *_ALL_DEVICES)
    return {each.property: each.value for each in defaults if each.driver in kinds}


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
