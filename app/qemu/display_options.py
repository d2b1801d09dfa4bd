"""The options on a VM's command line that decide whether its screen can be seen."""

import re
from dataclasses import dataclass

from app.qemu.command_line import CommandLine, DeviceOption
from app.qemu.option_text import items

# Each of these suppresses QEMU's default VGA device (default_list in system/vl.c).
_VGA = (
    *("VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", "qxl-vga", "vmware-svga"),
    *("virtio-vga", "virtio-vga-gl", "virtio-vga-rutabaga"),
)
# These show what a UEFI firmware draws, too.
_OTHER_SCREENS = ("bochs-display", "virtio-gpu-pci", "virtio-gpu-gl-pci", "secondary-vga")

# "x-igd-opregion" of vfio-pci is on by default from QEMU 10.1 on (commit 16cbb43302a2, hw/vfio/pci.c). No older machine
# type turns it off again, so an old machine type does not tell whether it is on.
_OPREGION_DEFAULT = (10, 1)
_FIRST_DISPLAY = (2, 12)
_MACHINE_VERSION = re.compile(r"-([0-9]{1,3})\.([0-9]{1,3})$")


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """``opregion``: the device has ``x-igd-opregion=on``, or this QEMU has that by default. ``opregion_unset``: it has
    no such option, and which default this QEMU has is not known. ``ramfb``: the device has ``ramfb=on``, or the VM a
    ramfb.

    ``display`` is the value of the device's option of that name, or QEMU's default. ``firmware_screen`` is another
    display device. Each value but ``opregion_unset`` is None if it is not known: the device is not on the command line,
    or other options come from a file.
    """

    opregion: bool | None = None
    ramfb: bool | None = None
    display: str | None = None
    firmware_screen: str | None = None
    opregion_unset: bool = False


def display_options(line: CommandLine, device: str | None) -> DisplayOptions:
    """The options of the host's device of this name in sysfs; None: the only VFIO device of the VM."""
    if not line.options:
        return DisplayOptions()
    option = _device_option(line, device)
    has_ramfb = any(each.driver == "ramfb" for each in line.devices)
    ramfb: bool | None = True if has_ramfb else None
    if option is not None:
        ramfb = has_ramfb or _is_on(option.properties.get("ramfb", "off"))
    opregion = None if option is None else _opregion(option, line)
    return DisplayOptions(
        opregion=opregion,
        opregion_unset=option is not None and opregion is None,
        ramfb=ramfb,
        display=None if option is None else display_of(option, line),
        firmware_screen=_firmware_screen(line),
    )


def display_of(device: DeviceOption, line: CommandLine) -> str:
    """The value of a vfio-pci device's option ``display``: "on", "off" or "auto".

    The default is "off" (hw/vfio/pci.c). In QEMU 2.12.0 alone, the first one with a display, it was "auto"; later
    releases with a machine type of that version are taken for it.
    """
    version = _machine_version(line)
    is_first = version is not None and version <= _FIRST_DISPLAY
    return device.properties.get("display", "auto" if is_first else "off")


def _device_option(line: CommandLine, device: str | None) -> DeviceOption | None:
    named = [each for each in line.vfio_devices if device is not None and each.vfio_name == device]
    # An option that gives only a file descriptor has no name.
    unnamed = [each for each in line.vfio_devices if device is None or each.vfio_name is None]
    candidates = named or unnamed
    return candidates[0] if len(candidates) == 1 else None


def _opregion(option: DeviceOption, line: CommandLine) -> bool | None:
    word = option.properties.get("x-igd-opregion")
    if word is not None:
        return _is_on(word)
    version = _machine_version(line)
    return True if version is not None and version >= _OPREGION_DEFAULT else None


def _machine_version(line: CommandLine) -> tuple[int, int] | None:
    """The version in the machine's type ("pc-q35-9.2"), which is the least version of QEMU; None if it has none."""
    kinds = [
        dict(items(each.value, "type")).get("type", "")
        for each in line.options
        if each.name in ("machine", "M") and each.value
    ]
    found = _MACHINE_VERSION.search(next((each for each in reversed(kinds) if each), ""))
    return (int(found[1]), int(found[2])) if found else None


def _firmware_screen(line: CommandLine) -> str | None:
    for each in line.devices:
        if each.driver in (*_VGA, *_OTHER_SCREENS):
            return each.driver
    if line.reads_config:
        return None
    chosen = [each.value for each in line.options if each.name == "vga" and each.value]
    if chosen:
        kind = items(chosen[-1], "type")[0][1]
        return None if kind == "none" else f"-vga {kind}"
    has_none = line.has("nodefaults") or any(each.driver == "ramfb" for each in line.devices)
    return None if has_none else "QEMU's default VGA"


def _is_on(word: str) -> bool:
    # qapi/string-input-visitor.c and util/qemu-option.c take these words.
    return word.lower() in ("on", "yes", "true", "y")
