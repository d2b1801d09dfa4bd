"""What `mdevview list` prints."""

import json
from pathlib import Path

import pytest

from app.host.dbus_display import DbusDisplay
from app.host.screens import HostScreens, find_screens
from app.host.vgpu import Vgpu
from app.host.vgpu_document import list_document
from app.host.vm import Vm
from app.host.wording import of_user
from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host, qemu
from tests.unit.known_hosts import proxmox
from ui.cli import list as command
from ui.cli.main import main


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setattr(command, "find_screens", lambda _scan: find_screens(host.scan()))
    return host


def test_host_without_vgpus(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "no vGPU found, and no VM with -display dbus" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "vgpus": [], "displays": []}


def test_json_document(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.mdev(UUID_A, "mbochs-small", 11, cdev="vfio4")
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/11", 21: DEVICE_FD}, uid=0)
    holder = {
        "pid": 50,
        "process": "qemu-system-x86",
        "vm": "win10",
        "vm_id": None,
        "fd": 21,
        "way": "group",
        "uid": 0,
        "user": "root",
    }
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vgpus"] == [
        {
            "name": UUID_A,
            "uuid": UUID_A,
            "type": "mbochs-small",
            "type_name": "mbochs-small display",
            "parent": "mbochs",
            "driver": "mbochs",
            "module": "mbochs",
            "iommu_group": 11,
            "cdev": "vfio4",
            "state": "in-use",
            "holders": [holder],
            "claims": [],
            "display": "dmabuf",
        }
    ]


def test_table_is_aligned_and_says_who_uses_what(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.mdev(UUID_A, "mdpy-xga", 11)
    host.mdev(UUID_B, "i915-GVTg_V5_4", 12, cdev="vfio4")
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/devices/vfio4"})
    assert main(["list"]) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    for title, one, other in (
        ("TYPE", "mdpy-xga (mdpy-xga display)", "i915-GVTg_V5_4"),
        ("NODE", "group 11", "group 12, vfio4"),
        ("KNOWN TO OFFER", "region", "dma-buf"),
        ("USE", "free", "in use by qemu-system-x86 50 (VM win10) by cdev"),
    ):
        column = header.index(title)
        assert first[column:].startswith(one)
        assert second[column:].startswith(other)


def test_vms_with_a_dbus_display_have_a_table_of_their_own(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.process(50, "qemu-system-x86", qemu("win10", "-display", "dbus,p2p=yes"), uid=0)
    host.process(60, "qemu-system-x86", qemu("web", "-display", "dbus,addr=unix:path=/run/bus,gl=on"), uid=0)
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "VM     PID  USER  D-BUS DISPLAY                   TARGET",
        "win10  50   root  peer to peer                    vm:win10",
        "web    60   root  bus unix:path=/run/bus, OpenGL  vm:web",
    ]
    host.mdev(UUID_A, "mdpy-xga", 11)
    assert main(["list"]) == 0
    vgpus, displays = capsys.readouterr().out.split("\n\n")
    assert len(vgpus.splitlines()) == 2 and len(displays.splitlines()) == 3


def test_a_vm_with_a_vgpu_and_a_dbus_display_is_in_both_and_told_apart(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.mdev(UUID_A, "mdpy-xga", 11)
    host.process(50, "qemu-system-x86", qemu("win10", "-display", "dbus"), {20: "/dev/vfio/11", 21: DEVICE_FD}, uid=0)
    assert main(["list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["vgpus"][0]["holders"][0]["pid"] == 50
    assert document["displays"] == [
        {
            "target": "vm:win10,console=0",
            "kind": "dbus",
            "pid": 50,
            "process": "qemu-system-x86",
            "vm": "win10",
            "vm_id": None,
            "uid": 0,
            "user": "root",
            "p2p": False,
            "address": None,
            "gl": False,
            "has_vgpu": True,
        }
    ]
    assert main(["list", "--targets"]) == 0
    assert capsys.readouterr().out.split() == [UUID_A, "vm:win10", "vm:win10,console=0"]


def test_names_chosen_by_processes_cannot_write_to_the_terminal() -> None:
    nasty = "\x1b[2J"
    vm = Vm(50, nasty, nasty, ())
    screens = HostScreens(
        (Vgpu(name="a", type_name=nasty), Vgpu(name="b", driver=nasty)), (DbusDisplay(vm, p2p=False, address=nasty),)
    )
    assert nasty not in command.table(screens)
    assert nasty not in command.fitting(screens, 10)
    assert list_document(screens)["displays"][0]["address"] == "?[2J"


def test_proxmox_vms_are_listed_by_number_and_name(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    proxmox.lay_out(host)
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "in use by kvm 10500 of root (VM 105, win11) by group".replace(" of root", of_user(0)) in lines[1]
    assert main(["list", "--json"]) == 0
    vgpus = json.loads(capsys.readouterr().out)["vgpus"]
    assert [each["vm_id"] for vgpu in vgpus for each in vgpu["holders"]] == ["105", "106", "107", "108"]


def test_targets_for_a_shell_have_no_character_that_it_expands(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    proxmox.lay_out(host)
    host.mdev(UUID_A, "mbochs-small", 21)
    host.process(50, "qemu-system-x86", qemu("$(touch /tmp/x)`id`"), {20: "/dev/vfio/21", 21: DEVICE_FD})
    assert main(["list", "--targets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-7:] == ["vm:105", "vm:win11", "vm:106", "vm:107", "vm:cad", "vm:108", "vm:games"]
    assert UUID_A in lines
    assert not any("$" in each or "`" in each for each in lines)
