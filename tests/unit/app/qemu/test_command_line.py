"""Parsing the command line of a running QEMU, and QMP addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qemu.command_line import CommandLine, parse_command_line, vm_name
from app.qemu.option_text import quoted
from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress

# From libvirt 9, shortened.
LIBVIRT_TEXT = (
    "/usr/bin/qemu-system-x86_64 -name guest=win10,debug-threads=on -S "
    '-object {"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/master-key.aes"} '
    "-machine pc-q35-7.2,usb=off,dump-guest-core=off -accel kvm -cpu host -m 4096 -uuid "
    "4dea22b3-1d52-d8f3-2516-782e98ab3fa0 -display none -no-user-config -nodefaults "
    "-chardev socket,id=charmonitor,fd=27,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control "
    '-device {"driver":"usb-tablet","id":"input0","bus":"usb.0","port":"1"} '
    '-device {"driver":"vfio-pci-nohotplug","id":"hostdev0","sysfsdev":"/sys/bus/mdev/devices/'
    '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001","display":"off","ramfb":false,"addr":"0x3"} -msg timestamp=on'
)
LIBVIRT = LIBVIRT_TEXT.split(" ")


def _parse(text: str) -> CommandLine:
    return parse_command_line(["qemu", *text.split()])


def test_a_command_line_of_libvirt_names_the_vgpu_and_libvirts_monitor() -> None:
    line = parse_command_line(LIBVIRT)
    assert line.name == "win10"
    assert line.uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
    assert line.kvm
    assert not line.no_shutdown
    assert [each.driver for each in line.devices] == ["usb-tablet", "vfio-pci-nohotplug"]
    [device] = line.vfio_devices
    assert device.vfio_name == "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
    assert (device.id, device.properties["display"], device.properties["ramfb"]) == ("hostdev0", "off", "off")
    assert LIBVIRT[device.position : device.position + 2] == ["-device", LIBVIRT[device.position + 1]]
    [monitor] = line.monitors
    assert monitor.inherited
    assert monitor.address is None


@pytest.mark.parametrize(
    "text, name",
    [
        ("-name foo", "foo"),
        ("--name foo", "foo"),
        ("-name guest=foo,debug-threads=on", "foo"),
        ("-name debug-threads=on,guest=foo", "foo"),
        ("-name foo -m 1 -name bar", "bar"),
        ("-name foo,,bar", "foo,bar"),
        ("-append -name", None),
        ("-name", None),
        ("-S -name foo", "foo"),
    ],
)
def test_the_name_is_the_one_that_qemu_takes(text: str, name: str | None) -> None:
    assert vm_name(["qemu-system-x86_64", *text.split()]) == name


@pytest.mark.parametrize(
    "text, address",
    [
        ("-qmp unix:/run/vm.qmp,server=on,wait=off", UnixAddress("/run/vm.qmp")),
        ("--qmp unix:vm.qmp,server,nowait", UnixAddress("vm.qmp")),
        ("-qmp-pretty unix:a,,b,server=on", UnixAddress("a,b")),
        ("-qmp tcp:127.0.0.1:4444,server=on,wait=off", TcpAddress("127.0.0.1", 4444)),
        ("-qmp tcp::4444,server", TcpAddress("", 4444)),
        ("-qmp tcp:[::1]:4444,server", TcpAddress("::1", 4444)),
        ("-qmp tcp:0.0.0.0:4444,server", TcpAddress("", 4444)),
        ("-chardev socket,id=m,path=/a,server=on -mon chardev=m,mode=control", UnixAddress("/a")),
        ("-mon m,mode=control -chardev socket,path=/a,id=m,server=on", UnixAddress("/a")),
        ("-chardev socket,id=m,host=localhost,port=1,server -qmp chardev:m", TcpAddress("localhost", 1)),
        ("-chardev socket,id=m,path=x,abstract=on,server -mon m,mode=control", UnixAddress("x", abstract=True)),
    ],
)
def test_a_monitor_that_listens_is_found(text: str, address: QmpAddress) -> None:
    [monitor] = _parse(text).monitors
    assert monitor.address == address


@pytest.mark.parametrize(
    "text, words",
    [
        ("-qmp stdio", "standard input"),
        ("-qmp none", "switched off"),
        ("-qmp null", "switched off"),
        ("-qmp pty", "pseudo terminal"),
        ("-qmp unix:/run/vm.qmp", "connects to a program"),
        ("-qmp unix:/run/vm.qmp,server=off", "connects to a program"),
        ("-qmp telnet:localhost:1,server", "not a socket"),
        ("-qmp tcp:localhost:1,server,websocket=on", "WebSocket"),
        ("-qmp tcp:localhost:many,server", "is invalid"),
        ("-qmp unix:,server", "is invalid"),
        ("-mon gone,mode=control", "not described"),
    ],
)
def test_a_monitor_that_nobody_can_connect_to_says_why(text: str, words: str) -> None:
    [monitor] = _parse(text).monitors
    assert monitor.address is None
    assert words in monitor.reason


def test_a_human_monitor_is_no_qmp_monitor() -> None:
    assert _parse("-monitor stdio -chardev socket,id=m,path=/a,server -mon m").monitors == ()


@pytest.mark.parametrize(
    "device, name",
    [
        ("vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2/,id=x", "83b8f4f2"),
        ("vfio-pci,host=00:02.1", "0000:00:02.1"),
        ("vfio-pci,host=0000:3A:02.1", "0000:3a:02.1"),
        ("vfio-pci,host=1:2.3,sysfsdev=/a/b", "b"),
        ("vfio-pci,fd=12,iommufd=i", None),
        ("VGA,host=1:2.3", None),
    ],
)
def test_a_vfio_device_is_named_as_in_sysfs(device: str, name: str | None) -> None:
    [found] = parse_command_line(["qemu", "-device", device]).devices
    assert found.vfio_name == name


def test_options_that_matter_for_starting_and_ending_a_vm() -> None:
    line = _parse("-machine q35,accel=kvm:tcg -no-shutdown -daemonize -readconfig vm.conf disk.img")
    assert (line.kvm, line.no_shutdown, line.daemonize, line.reads_config) == (True, True, True, True)
    line = _parse("-accel tcg -action reboot=reset,shutdown=pause")
    assert (line.kvm, line.no_shutdown, line.daemonize, line.reads_config) == (False, True, False, False)
    assert _parse("-enable-kvm").kvm


_WORDS = st.sampled_from(
    [
        "-name",
        "-qmp",
        "-mon",
        "-chardev",
        "-device",
        "-accel",
        "-",
        "--",
        "{",
        '{"driver":',
        "[",
        "=",
        ",",
        ",,",
        "socket",
    ]
)


@pytest.mark.parametrize("junk", [["-name", "x," * 1_000_000], ["-device", "a"] * 500_000])
def test_a_command_line_longer_than_any_vms_is_not_read_to_its_end(junk: list[str]) -> None:
    """Any user may start such a process, and it would slow down every scan for VMs."""
    line = parse_command_line(["qemu", "-name", "vm", *junk, "-uuid", "u"])
    assert (line.name, line.uuid, line.reads_config) == ("vm", None, True)
    assert len(line.options) < 5000


@given(st.lists(st.one_of(_WORDS, st.text(max_size=20), st.just("[" * 9999))))
def test_any_command_line_is_parsed_without_an_error(arguments: list[str]) -> None:
    parse_command_line(arguments)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_quoted_value_is_read_back_as_it_was(path: str) -> None:
    chardev = f"socket,id=m,path={quoted(path)},server=on,wait=off"
    [monitor] = parse_command_line(["qemu", "-chardev", chardev, "-qmp", "chardev:m"]).monitors
    assert monitor.address == UnixAddress(path)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["-name", "foo"], "foo"),
        (["-name", "guest=foo,debug-threads=on"], "foo"),
        (["-name", "debug-threads=on,guest=foo"], "foo"),
        (["--name", "foo,process=bar"], "foo"),
        (["-name", "a,,b,,,process=bar"], "a,b,"),
        (["-name", "first", "-name", "second"], "second"),
        (["-name", "process=bar"], None),
        (["-name"], None),
        (["-nodefaults", "name"], None),
    ],
)
def test_vm_name_as_qemu_reads_it(arguments: list[str], name: str | None) -> None:
    assert vm_name(("qemu-system-x86_64", *arguments)) == name


@given(st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1))
def test_any_vm_name_survives_qemus_escaping(name: str) -> None:
    assert vm_name(("qemu", "-name", f"guest={name.replace(',', ',,')},debug-threads=on")) == name
