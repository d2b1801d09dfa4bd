"""Connecting to a QMP socket: unix sockets, abstract names, TCP ports, and why it fails."""

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from app.host import foreign_path
from app.qemu.qmp_address import TcpAddress, UnixAddress
from app.vm.qmp import open_monitor
from app.vm.qmp_socket_error import connect_error_text
from tests.unit.app.vm.monitors import lost, monitor, ready
from tests.unit.qmp_server import FakeVm, until


def test_a_socket_is_connected_to_as_soon_as_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    with monitor(path) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail == f"there is no QMP socket {path}"
        with FakeVm(path):
            until(lambda: ready(connection))
        until(lambda: lost(connection))
        until(lambda: connection.status.detail == f"nothing listens at the QMP socket {path}")


def test_a_socket_with_a_full_backlog_does_not_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(tmp_path / "qmp"))
            with monitor(tmp_path / "qmp") as connection:
                until(lambda: lost(connection))
                assert "another client may be connected" in connection.status.detail


def test_a_path_too_long_for_the_kernel_is_connected_to(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    with FakeVm(tmp_path / "qmp") as vm, monitor(folder / "qmp") as connection:
        vm.path.rename(folder / "qmp")
        until(lambda: ready(connection))


def test_an_abstract_socket_is_connected_to() -> None:
    name = f"mdevview-test-{os.getpid()}"
    with FakeVm(Path(f"\0{name}")), monitor(UnixAddress(name, abstract=True)) as connection:
        until(lambda: ready(connection))


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1"])
def test_a_tcp_port_of_this_host_is_connected_to(tmp_path: Path, host: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with (
        FakeVm(tmp_path / "qmp", listener=listener),
        monitor(TcpAddress(host, listener.getsockname()[1])) as connection,
    ):
        until(lambda: ready(connection))


def test_an_unknown_host_is_named() -> None:
    with monitor(TcpAddress("no-such-host.invalid", 1)) as connection:
        until(lambda: lost(connection))
        assert "no-such-host.invalid:1" in connection.status.detail
    # The thread that looked the name up ends a moment after its answer.
    until(lambda: all(each.name != "resolve" for each in threading.enumerate()))


def test_a_socket_that_is_closed_to_the_user_names_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    path.touch(0o600)
    words = connect_error_text(UnixAddress(str(path)), PermissionError(errno.EACCES, "Permission denied"))
    assert words.startswith(f"you have no permission to use the QMP socket {path} (")
    assert words.endswith(" 0600)")


@pytest.mark.parametrize("depth", [0, 2])
def test_a_socket_that_another_users_vm_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    """A child connects to it. The process that listens is checked as ever."""
    monkeypatch.setattr(foreign_path, "is_another_users", lambda *_: True)
    folder = tmp_path.joinpath(*["x" * 100] * depth)
    folder.mkdir(parents=True, exist_ok=True)
    for owner, expected in ((os.getpid(), ""), (os.getppid(), f"belongs to another process, {os.getpid()}")):
        with FakeVm(tmp_path / "vm") as vm:
            vm.path.rename(folder / "qmp")
            connection = open_monitor(UnixAddress(str(folder / "qmp")), lambda: None, owner=owner)
            until(lambda: ready(connection) if not expected else lost(connection))  # noqa: B023
            assert expected in connection.status.detail
            connection.close()
        (folder / "qmp").unlink()
    connection = open_monitor(UnixAddress(str(folder / "qmp")), lambda: None, owner=os.getpid())
    until(lambda: lost(connection))
    assert connection.status.detail.startswith("there is no QMP socket ")
    connection.close()
