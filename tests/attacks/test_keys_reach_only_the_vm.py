"""Keys go to the process of the VM and to nobody else, whatever address the VM's command line names.

A stranger listens in this process and answers as QEMU does. The VM is a child process.
"""

import importlib.util
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.host.vm import Vm
from app.input.event import Key
from app.qemu.qmp_address import TcpAddress, UnixAddress
from app.vm.input_route import QmpInput, input_route
from app.vm.monitor import ConnectionState, MonitorStatus
from tests.unit.app.vm.test_libvirt import FakeLibvirt
from tests.unit.qmp_server import FakeVm, until


@contextmanager
def _vm(*arguments: str, listener: socket.socket | None = None) -> Iterator[Vm]:
    """A VM with this command line that owns the ``listener`` and never answers."""
    fds = [listener.fileno()] if listener is not None else []
    process = subprocess.Popen(["sleep", "1000"], pass_fds=fds)
    if listener is not None:
        listener.close()
    try:
        yield Vm(process.pid, "qemu", None, ("qemu", *arguments))
    finally:
        process.kill()
        process.wait()


def _typed(vm: Vm) -> MonitorStatus | str:
    """What the program says about input, after it has typed a key. Waits until it is connected or knows why not."""
    route = input_route(vm, None)
    if route.reason:
        return route.reason
    monitor = route.open(lambda: None)
    try:
        until(lambda: monitor.status.state is not ConnectionState.CONNECTING)
        monitor.send([Key("a", True), Key("a", False)])
        return monitor.status
    finally:
        # This sends what is queued.
        monitor.close()


def _refusal(vm: Vm) -> str:
    status = _typed(vm)
    if isinstance(status, str):
        return status
    assert status.state is ConnectionState.LOST, f"keys are sent: {status}"
    return status.detail


def _listener(host: str, port: int = 0, *, shared: bool = False) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(5)
    return listener


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def test_a_port_of_another_process_gets_no_keys(tmp_path: Path) -> None:
    listener = _listener("127.0.0.1")
    port = _port(listener)
    with FakeVm(tmp_path / "qmp", listener=listener) as stranger:
        for host in ("localhost", "127.0.0.1", "", "0.0.0.0", "[::]"):
            with _vm("-qmp", f"tcp:{host}:{port},server=on,wait=off") as vm:
                assert "does not listen" in _refusal(vm), host
        assert (stranger.connections, stranger.heard) == (0, [])


@pytest.mark.parametrize(
    "host", ["example.org", "192.0.2.7", "[2001:db8::7]", "127.0.0.1.example.org", "::ffff:7f00:1"]
)
def test_another_host_is_neither_connected_to_nor_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise AssertionError("a name from a command line was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with _vm("-qmp", f"tcp:{host}:4444,server=on,wait=off") as vm:
        assert "--qmp" in _refusal(vm)


@pytest.mark.parametrize("host", ["localhost", ""])
def test_a_stranger_at_the_other_loopback_address_is_not_taken_for_the_vm(tmp_path: Path, host: str) -> None:
    """A resolver may name ::1 first. The VM listens at 127.0.0.1, and any user may listen at ::1."""
    vms = _listener("127.0.0.1")
    port = _port(vms)
    with (
        FakeVm(tmp_path / "qmp", listener=_listener("::1", port)) as stranger,
        _vm("-qmp", f"tcp:{host}:{port},server=on,wait=off", listener=vms) as vm,
    ):
        assert "does not answer" in _refusal(vm)
        assert (stranger.connections, stranger.heard) == (0, [])


def test_a_stranger_at_a_more_specific_address_gets_no_keys(tmp_path: Path) -> None:
    """The kernel gives a connection to the most specific listener. Both sockets have SO_REUSEPORT."""
    vms = _listener("0.0.0.0", shared=True)
    port = _port(vms)
    with (
        FakeVm(tmp_path / "qmp", listener=_listener("127.0.0.1", port, shared=True)) as stranger,
        _vm("-qmp", f"tcp:0.0.0.0:{port},server=on,wait=off", listener=vms) as vm,
    ):
        assert "belongs to another process" in _refusal(vm)
        assert (stranger.connections, stranger.heard) == (1, [])


def test_a_stranger_that_accepts_from_the_vms_own_socket_gets_no_keys(tmp_path: Path) -> None:
    """A listening socket can be shared. The process that accepted the connection decides."""
    listener = _listener("127.0.0.1")
    shared = listener.dup()
    with (
        FakeVm(tmp_path / "qmp", listener=listener) as stranger,
        _vm("-qmp", f"tcp:127.0.0.1:{_port(listener)},server=on,wait=off", listener=shared) as vm,
    ):
        assert "belongs to another process" in _refusal(vm)
        assert not stranger.heard


def test_a_vm_whose_files_are_hidden_gets_no_keys_through_a_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = _listener("127.0.0.1")
    argument = f"tcp:127.0.0.1:{_port(listener)},server=on,wait=off"
    with FakeVm(tmp_path / "qmp", listener=listener) as stranger:
        vm = Vm(os.getpid(), "qemu", None, ("qemu", "-qmp", argument))
        really = os.scandir

        def hidden(path: str | int = ".") -> object:
            if isinstance(path, int) or str(path).endswith("/fd"):
                raise PermissionError(13, "Permission denied")
            return really(path)

        monkeypatch.setattr(os, "scandir", hidden)
        reason = _refusal(vm)
        assert "cannot be seen" in reason and "--qmp" in reason
        assert not stranger.heard


def test_a_vm_in_an_unknown_network_gets_no_keys_through_a_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same addresses and ports mean another socket in another network namespace."""
    listener = _listener("127.0.0.1")
    argument = f"tcp:127.0.0.1:{_port(listener)},server=on,wait=off"
    really = os.readlink

    def hidden(path: str | Path, *, dir_fd: int | None = None) -> str:
        if str(path).endswith("ns/net"):
            raise PermissionError(13, "Permission denied")
        return really(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "readlink", hidden)
    with FakeVm(tmp_path / "qmp", listener=listener) as stranger:
        assert "cannot be seen" in _refusal(Vm(os.getpid(), "qemu", None, ("qemu", "-qmp", argument)))
        assert not stranger.heard


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_the_vms_own_port_is_used(tmp_path: Path, host: str) -> None:
    listener = _listener(host)
    name = f"[{host}]" if ":" in host else host
    with FakeVm(tmp_path / "qmp", listener=listener) as fake:
        vm = Vm(os.getpid(), "qemu", None, ("qemu", "-qmp", f"tcp:{name}:{_port(listener)},server=on,wait=off"))
        status = _typed(vm)
        assert isinstance(status, MonitorStatus) and status.state is ConnectionState.READY
        until(lambda: len(fake.events) == 2)


@pytest.mark.parametrize("kind", ["bound again", "symlink", "abstract"])
def test_a_unix_socket_of_another_process_gets_no_keys(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "stranger"
    name = f"mdevview-attack-{os.getpid()}-{time.monotonic_ns()}"
    with FakeVm(Path(f"\0{name}") if kind == "abstract" else path) as stranger:
        named = path
        if kind == "symlink":
            named = tmp_path / "vm"
            named.symlink_to(path)
        argument = f"{name},abstract=on" if kind == "abstract" else str(named)
        with _vm("-qmp", f"unix:{argument},server=on,wait=off") as vm:
            assert f"belongs to another process, {os.getpid()}" in _refusal(vm)
        assert not stranger.heard


def test_a_unix_socket_of_a_process_that_cannot_be_seen_gets_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel names the pid 0 for a listener outside of the viewer's PID namespace. The VM is inside."""

    class Outside(socket.socket):
        def getsockopt(self, level: int, name: int, size: int = 0) -> bytes:  # type: ignore[override]
            assert (level, name) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
            return struct.pack("=iII", 0, 65534, 65534)

    with FakeVm(tmp_path / "qmp") as stranger:
        monkeypatch.setattr(socket, "socket", Outside)
        vm = Vm(os.getpid(), "qemu", None, ("qemu", "-qmp", f"unix:{stranger.path},server=on,wait=off"))
        assert "cannot be seen" in _refusal(vm)
        assert not stranger.heard


@pytest.mark.parametrize(
    "cpus",
    [
        {"return": [{"cpu-index": 0, "thread-id": os.getppid()}]},
        {"return": [{"thread-id": os.getpid()}, {"thread-id": os.getppid()}]},
        {"return": [{"thread-id": f"../../{os.getppid()}"}]},
        {"return": [{"thread-id": 10**4200}]},
        {"return": [{}, 1]},
        {"return": []},
        {"return": {}},
        {"error": {"class": "CommandNotFound", "desc": "no such command"}},
        {"return": [{"cpu-index": 0, "thread-id": os.getpid()}]},
    ],
)
def test_a_libvirt_domain_that_is_another_vm_gets_no_keys(monkeypatch: pytest.MonkeyPatch, cpus: object) -> None:
    """A process takes the name of a domain: keys for its device would be typed into the domain of that name."""
    fake = FakeLibvirt()
    fake.answers["query-cpus-fast"] = cpus
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    monkeypatch.setitem(sys.modules, "libvirt_qemu", fake)
    name = ("-name", "guest=win10", "-chardev", "socket,id=charmonitor,fd=27,server=on")
    status = _typed(Vm(os.getpid(), "qemu", None, ("qemu", *name, "-mon", "chardev=charmonitor,mode=control")))
    assert isinstance(status, MonitorStatus)
    if cpus == {"return": [{"cpu-index": 0, "thread-id": os.getpid()}]}:
        assert status.state is ConnectionState.READY and len(fake.heard) == 2
    else:
        assert status.state is ConnectionState.LOST and not fake.heard
        assert "process" in status.detail


def test_the_user_may_name_any_address_and_the_window_tells_where_keys_go() -> None:
    far, near = TcpAddress("192.0.2.7", 4444), UnixAddress("/run/vm.qmp")
    assert input_route(None, far) == QmpInput(far)
    assert QmpInput(far).destination == "192.0.2.7:4444"
    assert QmpInput(near).destination == ""
    assert QmpInput(TcpAddress("localhost", 1), owner=1).destination == ""
