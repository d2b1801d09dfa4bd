"""Which VMs are on a bus; buses that refuse, hang or talk nonsense."""

import os
import socket
from pathlib import Path

import pytest
from jeepney import Message

from app.dbus_display.access.bus_lookup import BusVm, connect, vms_on
from app.dbus_display.wire.wire import Wire
from app.errors import NoSuchDevice, OpenFailed, PermissionDenied
from app.qemu.qmp_address import UnixAddress
from tests.qemu.peer import accept, signal
from tests.unit.app.dbus_display.access.fake_bus import FakeBus


def test_vms_come_with_their_unique_names_and_pids(tmp_path: Path) -> None:
    with FakeBus(tmp_path / "bus") as bus:
        bus.has((":1.3", 4711), (":1.5", None), (":1.7", 4713))
        found = vms_on(UnixAddress(str(bus.path)), None)
        assert bus.asked[0] == ("Hello",), "a bus hangs up on a client that does not say this first"
    assert found == (BusVm(":1.3", 4711), BusVm(":1.5", None), BusVm(":1.7", 4713))


def test_a_bus_without_vms_and_one_with_too_many(tmp_path: Path) -> None:
    with FakeBus(tmp_path / "bus") as bus:
        address = UnixAddress(str(bus.path))
        assert vms_on(address, None) == ()
        bus.has(*((f":1.{number}", number) for number in range(1, 500)))
        assert len(vms_on(address, None)) == 64
        bus.answers["ListQueuedOwners", "org.qemu"] = ("s", "not a list")
        assert vms_on(address, None) == ()


def _refuse_after_authentication(connection: socket.socket) -> None:
    accept(connection)
    connection.recv(4096)


def _refuse_at_once(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"REJECTED EXTERNAL\r\n")


@pytest.mark.parametrize("serve", [_refuse_after_authentication, _refuse_at_once, lambda connection: None])
def test_a_bus_that_refuses_this_user(tmp_path: Path, serve: object) -> None:
    with FakeBus(tmp_path / "bus", serve) as bus, pytest.raises(PermissionDenied, match="refuses this user"):  # type: ignore[arg-type]
        vms_on(UnixAddress(str(bus.path)), None)


def test_a_server_of_another_kind_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b'{"QMP": {}}\r\n')
        connection.recv(4096)

    with FakeBus(tmp_path / "bus", greet) as bus, pytest.raises(OpenFailed, match="it does not speak D-Bus"):
        vms_on(UnixAddress(str(bus.path)), None)


def _only_read(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_what_is_no_bus_does_not_keep_the_program_waiting(tmp_path: Path) -> None:
    with FakeBus(tmp_path / "bus", _only_read) as bus, pytest.raises(OpenFailed, match="does not answer"):
        vms_on(UnixAddress(str(bus.path)), None, limit_s=0.2)


class _Chatter(Wire):
    """An authenticated connection on which there is always one more signal."""

    authenticated = True
    left = 1_000_000

    def receive(self) -> Message:
        self.left -= 1
        assert self.left, "nobody looks at the time"
        return signal("/a", "a.b", "C", "s", ("",))


def test_a_bus_that_talks_without_end_does_not_keep_the_program_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.dbus_display.access.bus_lookup.Wire", _Chatter)
    with FakeBus(tmp_path / "bus", _only_read) as bus, pytest.raises(OpenFailed, match="does not answer"):
        vms_on(UnixAddress(str(bus.path)), None, limit_s=0.05)


def test_garbage_after_the_greeting_is_no_bus(tmp_path: Path) -> None:
    def talk(connection: socket.socket) -> None:
        accept(connection)
        connection.recv(4096)
        connection.sendall(os.urandom(64) * 100)
        connection.recv(4096)

    with FakeBus(tmp_path / "bus", talk) as bus, pytest.raises((PermissionDenied, OpenFailed)):
        vms_on(UnixAddress(str(bus.path)), None, limit_s=5)


def test_a_missing_bus_is_told_apart_from_one_that_nobody_serves(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDevice, match="there is no bus"):
        connect(UnixAddress(str(tmp_path / "bus")), None)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "bus"))
    with pytest.raises(NoSuchDevice, match="nothing listens"):
        connect(UnixAddress(str(tmp_path / "bus")), None)
