"""Which screen of a VM is opened: its vGPU, or a console of its D-Bus display. No VM is asked here."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from app.attach.running_vm import NoVfioDevice
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone
from app.open.console_opening import open_vm_screen
from app.open.session import Session
from app.open.target import Pid, VmName
from tests.pushed.session import pushed_session
from tests.pushed.source import PushedSource
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, hide_files, qemu

DBUS = ("-display", "dbus,p2p=yes")
VGPU = ("-device", f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A}")
NIC = ("-device", "vfio-pci,host=0000:05:00.0")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "i915-GVTg_V5_4", 1)
    host.pci("0000:05:00.0", "vfio-pci", 2)
    return host


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened, in order: "console N of PID" or "vgpu"."""
    opened: list[str] = []

    def console(process: object, number: int | None, *_: object) -> Session:
        opened.append(f"console {number} of {process.pid}")  # type: ignore[attr-defined]
        return pushed_session(PushedSource())

    monkeypatch.setattr("app.open.dbus_session.open_vm_console", console)
    return opened


def _open(
    host: Host, target: VmName | Pid, opened: list[str], vgpu: Callable[[], Session] | MdevviewError | None = None
) -> list[str]:
    def open_vgpu() -> Session:
        opened.append("vgpu")
        if isinstance(vgpu, MdevviewError):
            raise vgpu
        return pushed_session(PushedSource())

    open_vm_screen(target, host.scan(), None, open_vgpu).close()
    return opened


def test_the_vgpu_is_meant_unless_a_console_is_named(host: Host, opened: list[str]) -> None:
    host.process(50, "qemu-system-x86", qemu("both", *DBUS, *VGPU), {20: "/dev/vfio/1", 21: DEVICE_FD})
    _open(host, VmName("both"), opened)
    _open(host, Pid(50), opened)
    _open(host, Pid(50, 21), opened)
    _open(host, VmName("both", 0), opened)
    _open(host, Pid(50, None, 3), opened)
    assert opened == ["vgpu", "vgpu", "vgpu", "console 0 of 50", "console 3 of 50"]


def test_a_vm_whose_passed_through_device_has_no_display_shows_its_console(host: Host, opened: list[str]) -> None:
    host.process(50, "qemu-system-x86", qemu("nic", *DBUS, *NIC), {20: "/dev/vfio/2", 21: DEVICE_FD})
    assert _open(host, VmName("nic"), opened) == ["console None of 50"]


def test_nobody_is_asked_for_permission_for_a_vm_that_needs_none(
    host: Host, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the files of another user's VM are hidden, its command line tells whether it has a vGPU."""
    host.process(50, "qemu-system-x86", qemu("one", *DBUS))
    host.process(60, "qemu-system-x86", qemu("two", *DBUS, *VGPU))
    hide_files(monkeypatch, 50)
    assert _open(host, VmName("one"), opened) == ["console None of 50"]
    hide_files(monkeypatch, 60)
    assert _open(host, VmName("two"), opened) == ["console None of 50", "vgpu"]


@pytest.mark.parametrize("error", [NoVfioDevice("no device"), OpenFailed("no planes")])
def test_where_no_vgpu_has_a_display_the_console_is_shown(host: Host, opened: list[str], error: MdevviewError) -> None:
    host.process(50, "qemu-system-x86", qemu("one", *DBUS, *VGPU), {20: "/dev/vfio/1", 21: DEVICE_FD})
    assert _open(host, VmName("one"), opened, error) == ["vgpu", "console None of 50"]


@pytest.mark.parametrize("error", [PermissionDenied("no"), ProcessGone("gone"), NoSuchDevice("other")])
def test_other_errors_of_the_vgpu_stay(host: Host, opened: list[str], error: MdevviewError) -> None:
    host.process(50, "qemu-system-x86", qemu("one", *DBUS, *VGPU), {20: "/dev/vfio/1", 21: DEVICE_FD})
    with pytest.raises(type(error)) as caught:
        _open(host, VmName("one"), opened, error)
    assert caught.value is error


def test_a_vm_with_neither_is_told_which_option_it_lacks(host: Host, opened: list[str]) -> None:
    host.process(50, "qemu-system-x86", qemu("one", "-display", "gtk"))
    missing = NoVfioDevice("VM one has no VFIO device open", "see the list")
    with pytest.raises(
        NoSuchDevice, match="and no D-Bus display; start it with -display dbus,p2p=yes: none can be added"
    ):
        _open(host, VmName("one"), opened, missing)
    libvirts = ("-chardev", "socket,id=charmonitor,fd=3,server=on", "-mon", "chardev=charmonitor,mode=control")
    host.process(60, "qemu-system-x86", qemu("two", *libvirts))
    with pytest.raises(NoSuchDevice, match="<graphics type='dbus' p2p='yes'/>"):
        _open(host, VmName("two"), opened, missing)
    assert opened == ["vgpu", "vgpu"]


def test_a_vm_that_tells_nothing_is_asked_and_its_refusal_does_not_hide_the_missing_vgpu(
    host: Host, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.process(50, "qemu-system-x86", [])
    missing = NoVfioDevice("process 50 has no VFIO device open")
    assert _open(host, Pid(50), opened, missing) == ["vgpu", "console None of 50"]

    def refuse(*_: object) -> NoReturn:
        raise OpenFailed("its command line cannot be read")

    monkeypatch.setattr("app.open.dbus_session.open_vm_console", refuse)
    with pytest.raises(NoVfioDevice):
        _open(host, Pid(50), opened, missing)


def test_a_console_of_a_process_that_is_not_there(host: Host, opened: list[str]) -> None:
    with pytest.raises(ProcessGone, match="process 77"):
        _open(host, Pid(77, None, 0), opened)
    with pytest.raises(NoSuchDevice, match="no VM one"):
        _open(host, VmName("one", 0), opened)


def test_among_vms_of_one_name_the_one_that_can_be_shown_is_taken(host: Host, opened: list[str]) -> None:
    host.process(40, "qemu-system-x86", qemu("twin"))
    host.process(50, "qemu-system-x86", qemu("twin", *DBUS))
    assert _open(host, VmName("twin"), opened) == ["console None of 50"]
