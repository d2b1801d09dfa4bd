"""The options on a VM's command line that decide whether its screen can be seen."""

from dataclasses import dataclass

from app.qemu.command_line import CommandLine, DeviceOption, items

# Each of these suppresses QEMU's default VGA device (default_list in system/vl.c).
_VGA = (
    *("VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", "qxl-vga", "vmware-svga"),
    *("virtio-vga", "virtio-vga-gl", "virtio-vga-rutabaga"),
)
# These show what a UEFI firmware draws, too.
_OTHER_SCREENS = ("bochs-display", "virtio-gpu-pci", "virtio-gpu-gl-pci", "secondary-vga")


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """``opregion``: the device has ``x-igd-opregion=on``. ``ramfb``: the device has ``ramfb=on``, or the VM a ramfb.

    ``display`` is the value of the device's option of that name, None if it has none. ``firmware_screen`` is another
    display device. Each value is None if it is not known: the device is not on the command line, or other options come
    from a file.
    """

    opregion: bool | None = None
    ramfb: bool | None = None
    display: str | None = None
    firmware_screen: str | None = None


def display_options(line: CommandLine, device: str | None) -> DisplayOptions:
    """The options of the host's device of this name in sysfs; None: the only VFIO device of the VM."""
    if not line.options:
        return DisplayOptions()
    option = _device_option(line, device)
    has_ramfb = any(each.driver == "ramfb" for each in line.devices)
    ramfb: bool | None = True if has_ramfb else None
    if option is not None:
        ramfb = has_ramfb or _is_on(option.properties.get("ramfb", "off"))
    return DisplayOptions(
        opregion=None if option is None else _is_on(option.properties.get("x-igd-opregion", "off")),
        ramfb=ramfb,
        display=None if option is None else option.properties.get("display"),
        firmware_screen=_firmware_screen(line),
    )


def _device_option(line: CommandLine, device: str | None) -> DeviceOption | None:
    named = [each for each in line.vfio_devices if device is not None and each.vfio_name == device]
    # An option that gives only a file descriptor has no name.
    unnamed = [each for each in line.vfio_devices if device is None or each.vfio_name is None]
    candidates = named or unnamed
    return candidates[0] if len(candidates) == 1 else None


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
