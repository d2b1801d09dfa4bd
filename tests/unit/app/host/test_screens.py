"""The screens of a host, and the targets that tell them apart."""

import os
from pathlib import Path

import pytest

from app.host.dbus_display import DbusDisplay
from app.host.screens import access_text, find_screens, vm_text
from app.host.vm import Vm
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, qemu

DISPLAY = ("-display", "dbus,p2p=yes")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    return host


def test_the_name_of_a_vm_means_its_vgpu_where_it_has_one(host: Host) -> None:
    host.process(50, "qemu-system-x86", qemu("cad", *DISPLAY), {20: "/dev/vfio/1", 21: DEVICE_FD})
    host.process(60, "qemu-system-x86", qemu("web", *DISPLAY))
    host.process(70, "qemu-system-x86", qemu("mail"))
    screens = find_screens(host.scan())
    assert [each.name for each in screens.vgpus] == [UUID_A]
    assert [screens.target_of(each) for each in screens.displays] == ["vm:cad,console=0", "vm:web"]


def test_no_vfio_node_is_needed_for_a_dbus_display(host: Host) -> None:
    (host.paths.dev / "vfio/vfio").unlink()
    host.process(60, "qemu-system-x86", qemu("web", *DISPLAY))
    assert [each.target for each in find_screens(host.scan()).displays] == ["vm:web"]


@pytest.mark.parametrize(
    ("p2p", "address", "gl", "text"),
    [
        (True, None, False, "peer to peer"),
        (True, None, True, "peer to peer, OpenGL"),
        (False, None, False, "session bus"),
        (False, "unix:path=/x\n\x1b[2J", True, "bus unix:path=/x??[2J, OpenGL"),
    ],
)
def test_how_clients_reach_it_is_one_line(p2p: bool, address: str | None, gl: bool, text: str) -> None:
    assert access_text(DbusDisplay(Vm(1, "qemu", None, ()), p2p, address, gl)) == text


def test_its_process_is_named_as_everywhere() -> None:
    vm = Vm(4711, "qemu-system-x86", "win10", (), uid=os.getuid())
    assert vm_text(DbusDisplay(vm, p2p=True)) == "qemu-system-x86 4711 (VM win10)"
