"""The display of a real QEMU through its QMP socket."""

import os
import socket
from pathlib import Path

import pytest

from app.dbus_display.access.p2p import OnBus, OtherDisplay, connect_by_qmp
from app.errors import OpenFailed
from app.qemu.qmp_address import TcpAddress, UnixAddress
from app.vm.peer import CommandError, ConnectionLost
from tests.qemu.machine import QemuMachine
from tests.qemu.peer import Peer, authenticate
from tests.unit.qmp_server import Client, FakeVm


def test_the_vm_answers_and_its_monitor_is_free_again(tmp_path: Path) -> None:
    with QemuMachine(tmp_path, ["VGA"], stopped=True) as vm:
        address = UnixAddress(str(vm.qmp))
        # Each connection ends the one before; none leaves a fd behind in QEMU.
        for _ in range(3):
            ours = connect_by_qmp(address, vm.pid)
            assert isinstance(ours, socket.socket)
            with ours:
                authenticate(ours)
                facts = Peer(ours).call(
                    "/org/qemu/Display1/VM", "org.freedesktop.DBus.Properties", "GetAll", "s", ("org.qemu.Display1.VM",)
                )
                assert facts[0]["ConsoleIDs"] == ("au", [0])
        with pytest.raises(ConnectionLost, match="belongs to another process"):
            connect_by_qmp(address, os.getpid())


def test_another_display_and_a_bus_are_told_apart(tmp_path: Path) -> None:
    with QemuMachine(tmp_path, ["VGA"], display="none", stopped=True) as vm, pytest.raises(OtherDisplay, match="none"):
        connect_by_qmp(UnixAddress(str(vm.qmp)), vm.pid)
    with FakeVm(tmp_path / "fake") as fake:
        fake.answers["query-display-options"] = {"type": "dbus", "p2p": False, "addr": "unix:path=/run/bus"}
        assert connect_by_qmp(UnixAddress(str(fake.path)), None) == OnBus("unix:path=/run/bus")
        fake.answers["query-display-options"] = {"type": "dbus"}
        assert connect_by_qmp(UnixAddress(str(fake.path)), None) == OnBus(None)


def test_a_refused_fd_is_taken_back(tmp_path: Path) -> None:
    """QEMU keeps a fd that no command takes, also after the client has left."""
    with FakeVm(tmp_path / "fake") as fake:
        fake.answers |= {"query-display-options": ["?"], "getfd": {}, "closefd": {}, "add_client": "No such display"}
        with pytest.raises(CommandError, match="No such display"):
            connect_by_qmp(UnixAddress(str(fake.path)), None)
    # The last command is noted after its answer: only the end of the fake VM waits for that.
    commands = [each["execute"] for each in fake.heard]
    assert commands[-3:] == ["getfd", "add_client", "closefd"]


def test_a_monitor_in_use_or_dead_does_not_keep_the_program_waiting(tmp_path: Path) -> None:
    def wait(_vm: FakeVm, client: Client) -> None:
        client.hear()

    fake = FakeVm(tmp_path / "fake", wait)
    with fake, pytest.raises(ConnectionLost, match="another client may be connected"):
        connect_by_qmp(UnixAddress(str(fake.path)), None, limit_s=0.2)
    with pytest.raises(ConnectionLost, match="there is no QMP socket"):
        connect_by_qmp(UnixAddress(str(tmp_path / "none")), None)
    with pytest.raises(OpenFailed, match="unix socket"):
        connect_by_qmp(TcpAddress("localhost", 4444), None)
