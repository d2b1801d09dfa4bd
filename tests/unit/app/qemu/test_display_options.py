"""What a VM's command line says of its screen."""

import pytest

from app.qemu.command_line import parse_command_line
from app.qemu.display_options import DisplayOptions, display_options
from tests.unit.hosts import UUID_A, UUID_B

DEVICE = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A}"
OTHER = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_B},x-igd-opregion=on,display=on"


def _options(*arguments: str, device: str | None = UUID_A) -> DisplayOptions:
    return display_options(parse_command_line(["qemu-system-x86_64", *arguments]), device)


def test_the_options_of_this_device_count() -> None:
    found = _options("-nodefaults", "-device", OTHER, "-device", f"{DEVICE},display=off")
    assert found == DisplayOptions(ramfb=False, display="off", firmware_screen=None, opregion_unset=True)
    found = _options("-nodefaults", "-device", f"{DEVICE},x-igd-opregion=on,ramfb=on,display=on")
    assert found == DisplayOptions(opregion=True, ramfb=True, display="on", firmware_screen=None)


def test_display_is_off_without_an_option() -> None:
    assert _options("-device", DEVICE).display == "off"
    assert _options("-device", f"{DEVICE},display").display == "on"
    assert _options("-M", "pc-q35-2.12", "-device", DEVICE).display == "auto"
    assert _options("-M", "pc-q35-3.0", "-device", DEVICE).display == "off"


def test_global_set_and_configured_options_count() -> None:
    everything = {"display": "on", "x-igd-opregion": "on", "ramfb": "on"}
    expected = DisplayOptions(opregion=True, ramfb=True, display="on")
    defaults = [each for key, value in everything.items() for each in ("-global", f"vfio-pci.{key}={value}")]
    device = DEVICE.replace("vfio-pci", "vfio-pci-nohotplug")
    assert _options("-nodefaults", *defaults, "-device", device) == expected
    added = [each for key, value in everything.items() for each in ("-set", f"device.hostdev0.{key}={value}")]
    assert _options("-nodefaults", "-device", f"{DEVICE},id=hostdev0,display=off", *added) == expected
    lines = "".join(f'  {key} = "{value}"\n' for key, value in everything.items())
    config = f'[device "hostdev0"]\n  driver = "vfio-pci"\n  sysfsdev = "/sys/bus/mdev/devices/{UUID_A}"\n{lines}'
    arguments = ["qemu-system-x86_64", "-nodefaults", "-readconfig", "vm.cfg"]
    assert display_options(parse_command_line(arguments, {"vm.cfg": config}), UUID_A) == expected
    assert parse_command_line(arguments).reads_config, "the file could not be read"
    off = parse_command_line([*arguments, "-set", "device.hostdev0.display=off"], {"vm.cfg": config})
    assert display_options(off, UUID_A).display == "off"
    assert not off.reads_config


def test_options_of_libvirt_are_json() -> None:
    json = f'{{"driver":"vfio-pci-nohotplug","sysfsdev":"/sys/bus/mdev/devices/{UUID_A}","ramfb":true,"display":"on"}}'
    assert _options("-nodefaults", "-device", json) == DisplayOptions(None, True, "on", None, True)


@pytest.mark.parametrize(
    ("option", "machine", "opregion"),
    [
        (",x-igd-opregion=off", ["-machine", "pc-q35-10.1"], False),
        (",x-igd-opregion=on", ["-M", "pc"], True),
        # The least version of QEMU that has this machine turns it on.
        ("", ["-machine", "pc-q35-10.1,accel=kvm"], True),
        ("", ["-machine", "accel=kvm,type=pc-i440fx-11.0"], True),
        # A newer QEMU has older machines too, and turns it on with them.
        ("", ["-machine", "pc-q35-10.0"], None),
        ("", ["-M", "pc-i440fx-9.2"], None),
        ("", ["-machine", "pc-q35-10.1", "-machine", "type=q35"], None),
        ("", [], None),
    ],
)
def test_the_opregion_without_an_option_depends_on_qemu(option: str, machine: list[str], opregion: bool | None) -> None:
    found = _options(*machine, "-device", DEVICE + option)
    assert (found.opregion, found.opregion_unset) == (opregion, opregion is None)


def test_a_device_that_is_not_there_has_no_options() -> None:
    assert _options("-nodefaults", "-device", OTHER) == DisplayOptions()
    assert _options("-nodefaults", "-device", OTHER, "-device", "ramfb").ramfb is True
    assert _options("-nodefaults", "-device", DEVICE, "-device", OTHER, device=None).opregion is None
    assert _options("-nodefaults", "-device", OTHER, device=None).opregion is True
    assert _options("-nodefaults", "-device", "vfio-pci,fd=7,display=on").display == "on"
    assert _options() == DisplayOptions()


@pytest.mark.parametrize(
    ("arguments", "screen"),
    [
        (["-m", "1G"], "QEMU's default VGA"),
        (["-nodefaults"], None),
        (["-vga", "none"], None),
        (["-vga", "qxl"], "-vga qxl"),
        (["-nodefaults", "-device", "virtio-vga,id=video0"], "virtio-vga"),
        (["-device", "ramfb"], None),
        (["-readconfig", "file"], None),
    ],
)
def test_another_screen_that_shows_the_firmware(arguments: list[str], screen: str | None) -> None:
    assert _options("-device", DEVICE, *arguments).firmware_screen == screen
