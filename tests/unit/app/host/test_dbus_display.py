"""Which VMs of a host have a D-Bus display, and under which target."""

from pathlib import Path

import pytest

from app.host.dbus_display import dbus_displays
from tests.unit.hosts import Host, hide_files, qemu


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_vms_of_all_kinds_are_found_by_their_command_lines(host: Host) -> None:
    host.process(50, "qemu-system-x86", qemu("one", "-display", "dbus,p2p=yes"))
    host.process(60, "qemu-system-x86", qemu("two", "-display", "gtk"))
    host.process(70, "qemu-system-x86", qemu("three", "-display", "dbus,addr=unix:path=/run/bus,gl=on"))
    host.process(80, "python3", ["python3", "-display", "dbus"])
    one, three = dbus_displays(host.scan())
    assert (one.target, one.vm.pid, one.p2p, one.address, one.gl) == ("vm:one", 50, True, None, False)
    assert (three.target, three.p2p, three.address, three.gl) == ("vm:three", False, "unix:path=/run/bus", True)


def test_a_vm_of_another_user_is_found_although_its_files_are_hidden(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.process(50, "qemu-system-x86", qemu("one", "-display", "dbus,p2p=yes"))
    hide_files(monkeypatch, 50)
    assert [each.target for each in dbus_displays(host.scan())] == ["vm:one"]


def test_the_target_names_exactly_this_vm(host: Host) -> None:
    display = ("-display", "dbus,p2p=yes")
    host.process(50, "qemu-system-x86", qemu("twin", *display))
    host.process(51, "qemu-system-x86", qemu("twin"))
    host.process(52, "qemu-system-x86", ["qemu-system-x86_64", *display])
    host.process(53, "qemu-system-x86", qemu("with\x1bsign", *display))
    host.process(54, "qemu-system-x86", qemu("a:b,, c", *display))
    host.process(55, "qemu-system-x86", qemu("d,,console=1", *display))
    targets = [each.target for each in dbus_displays(host.scan())]
    assert targets == ["pid:50", "pid:52", "pid:53", "vm:a:b, c", "pid:55"]
