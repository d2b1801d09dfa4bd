"""The ways to a VM's display, and the one line for each VM that has none."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.dbus_display.access.p2p import NoDbusDisplay
from app.dbus_display.access.ways import way_to_vm
from app.errors import DeviceBusy, NoSuchDevice, OpenFailed, PermissionDenied
from app.host.paths import HOST
from app.host.process import start_time
from app.host.vm import Vm
from app.qemu.qmp_address import UnixAddress
from tests.unit.app.dbus_display.access.fake_bus import FakeBus
from tests.unit.hosts import qemu
from tests.unit.qmp_server import FakeVm

ME = os.getpid()
LONG_AGO = 1


def _vm(*arguments: str, pid: int = ME) -> Vm:
    return Vm(pid, "qemu-system-x86", "one", tuple(qemu("one", *arguments)), uid=os.getuid())


@contextmanager
def _monitor(path: Path, **answers: object) -> Iterator[Vm]:
    """A VM, which is this process, with a monitor that answers so."""
    with FakeVm(path) as fake:
        fake.answers |= {
            "query-display-options": {"type": "dbus", "p2p": True},
            "getfd": {},
            "add_client": {},
            **answers,
        }
        yield _vm("-display", "dbus,p2p=yes", "-qmp", f"unix:{path},server=on")


def test_peer_to_peer_is_the_same_way_for_the_same_process(tmp_path: Path) -> None:
    with _monitor(tmp_path / "qmp") as vm:
        way = way_to_vm(vm, LONG_AGO)
        assert way.key == way_to_vm(vm, LONG_AGO).key != way_to_vm(vm, 2).key
        endpoint = way.open()
        assert endpoint.bus_name is None
        endpoint.connection.close()
        assert endpoint.open_again is not None
        endpoint.open_again().close()


def test_a_monitor_that_the_user_names_is_used_instead(tmp_path: Path) -> None:
    with _monitor(tmp_path / "qmp"):
        other = _vm("-display", "dbus,p2p=yes", pid=1)
        way_to_vm(other, LONG_AGO, UnixAddress(str(tmp_path / "qmp"))).open().connection.close()


def test_a_vm_without_the_display_names_the_option_that_it_lacks(tmp_path: Path) -> None:
    for arguments in ([], ["-display", "gtk"], ["-nographic"]):
        with pytest.raises(NoDbusDisplay, match=r"VM one.* has no D-Bus display; start it with -display dbus,p2p=yes"):
            way_to_vm(_vm(*arguments), LONG_AGO)
    answer = {"type": "gtk"}
    with _monitor(tmp_path / "qmp", **{"query-display-options": answer}) as vm:
        way = way_to_vm(vm, LONG_AGO)
        with pytest.raises(NoDbusDisplay, match="its display is gtk"):
            way.open()


def test_one_that_refuses_is_quoted(tmp_path: Path) -> None:
    with _monitor(tmp_path / "qmp", closefd={}, add_client="spice is not in use") as vm:
        way = way_to_vm(vm, LONG_AGO)
        with pytest.raises(OpenFailed, match=r"VM one.* refuses to give its screen: spice is not in use"):
            way.open()


def test_without_a_monitor_the_missing_option_is_named() -> None:
    with pytest.raises(OpenFailed, match="no QMP socket: start QEMU with -qmp unix:PATH"):
        way_to_vm(_vm("-display", "dbus,p2p=yes"), LONG_AGO).open()


def test_a_vm_that_is_still_starting_is_busy(tmp_path: Path) -> None:
    """Whoever waits for it goes on waiting."""
    path = tmp_path / "qmp"
    with (tmp_path / "child").open("wb") as out:
        child = os.posix_spawn("/bin/sleep", ["sleep", "60"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
    try:
        vm = _vm("-display", "dbus,p2p=yes", "-qmp", f"unix:{path},server=on", pid=child)
        with pytest.raises(DeviceBusy, match="still starting: there is no QMP socket"):
            way_to_vm(vm, start_time(child)).open()
        with pytest.raises(OpenFailed):
            way_to_vm(vm, LONG_AGO).open()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_closed_monitor_of_another_user_is_a_matter_of_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "qmp"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        monkeypatch.setattr("app.host.foreign_path_program.os.access", lambda *_: False)
        vm = _vm("-display", "dbus,p2p=yes", "-qmp", f"unix:{path},server=on")
        with pytest.raises(PermissionDenied, match=r"no permission to use the QMP socket .*run mdevview as the user"):
            way_to_vm(vm, LONG_AGO).open()


def test_on_a_bus_the_vm_is_found_by_its_process(tmp_path: Path) -> None:
    with FakeBus(tmp_path / "bus") as bus:
        bus.has((":1.3", 4711), (":1.5", ME))
        vm = _vm("-display", f"dbus,addr=unix:path=/nowhere;unix:path={bus.path}")
        way = way_to_vm(vm, LONG_AGO)
        assert way.key == way_to_vm(vm, 2).key
        endpoint = way.open()
        endpoint.connection.close()
        assert endpoint.bus_name == ":1.5"
        bus.has((":1.3", 4711))
        with pytest.raises(NoSuchDevice, match=r"VM one.* is not on the bus"):
            way_to_vm(
                replace(vm, arguments=tuple(qemu("one", "-display", f"dbus,addr=unix:path={bus.path}"))), LONG_AGO
            )


def test_the_session_bus_is_the_one_that_the_vm_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeBus(tmp_path / "bus") as bus:
        bus.has((":1.5", ME))
        found = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus.path}"}
        monkeypatch.setattr("app.dbus_display.access.ways.start_variable", lambda pid, name, _: found.get(name))
        endpoint = way_to_vm(_vm("-display", "dbus"), LONG_AGO, None, HOST).open()
        endpoint.connection.close()
        assert endpoint.bus_name == ":1.5"


def test_a_bus_that_cannot_be_used_is_named() -> None:
    with pytest.raises(OpenFailed, match=r"VM one.* is on a bus that cannot be used: tcp:"):
        way_to_vm(_vm("-display", "dbus,addr=tcp:host=localhost,,port=1"), LONG_AGO)
