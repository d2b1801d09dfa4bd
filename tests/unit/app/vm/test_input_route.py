"""The routes that input can take to a VM."""

import importlib.util
import os
from pathlib import Path
from queue import Queue

import pytest

from app.host.vm import Vm
from app.qemu.qmp_address import UnixAddress
from app.vm.input_route import NO_VM, LibvirtInput, NoInput, QmpInput, TrackedRoute, input_route
from app.vm.monitor import ConnectionState, Reply
from app.vm.monitor_lookup import LibvirtDomain
from tests.unit.hosts import Host
from tests.unit.qmp_server import FakeVm, until

LIBVIRT = ("qemu", "-name", "guest=win10", "-uuid", "u", "-chardev", "socket,id=charmonitor,fd=27,server=on")


def test_the_address_that_the_user_gave_comes_first() -> None:
    address = UnixAddress("/run/qmp")
    for vm in (None, Vm(os.getpid(), "qemu", None, LIBVIRT)):
        assert input_route(vm, address) == QmpInput(address)
    assert QmpInput(address).reason == ""


def test_without_a_vm_or_a_monitor_the_reason_says_so(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert input_route(None, None, host.paths) is NO_VM
    assert NO_VM.reason == "no VM is known to have this device"
    route = input_route(Vm(4242, "qemu", None, ("qemu", "-qmp", "stdio")), None, host.paths)
    assert isinstance(route, NoInput)
    assert "standard input" in route.reason
    with pytest.raises(ValueError, match="standard input"):
        route.open(lambda: None)


def test_a_domain_of_libvirt_is_reached_through_libvirt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    vm = Vm(4242, "qemu", "win10", (*LIBVIRT, "-mon", "chardev=charmonitor,mode=control"))
    route = input_route(vm, None, Host(tmp_path).paths)
    assert route == LibvirtInput(LibvirtDomain("win10", "u", ("qemu:///system",)), 4242)
    assert route.reason == ""


def test_a_socket_is_shared_unless_it_is_to_be_kept(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as fake:
        route = TrackedRoute(QmpInput(UnixAddress(str(fake.path))))
        for keep in (False, True):
            monitor = route.open(lambda: None, keep=keep)
            until(lambda monitor=monitor: monitor.status.state is ConnectionState.READY)  # type: ignore[misc]
            if not keep:
                until(lambda: not fake.busy)
            replies: Queue[Reply] = Queue()
            monitor.execute("query-status", done=replies.put)
            assert replies.get(timeout=20).error is None
            assert fake.busy
            monitor.close()
        # The shared one has connected again, the other one has not.
        assert fake.connections == 3


def test_a_socket_is_used_only_while_its_vm_listens(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as fake:
        arguments = ("qemu", "-qmp", f"unix:{fake.path},server")
        route = input_route(Vm(os.getpid(), "qemu", None, arguments), None)
        assert route == QmpInput(UnixAddress(str(fake.path)), os.getpid())
        monitor = route.open(lambda: None)
        until(lambda: monitor.status.run_state == "running")
        monitor.close()
        # Another VM has taken over the path, or it never was this one's.
        monitor = input_route(Vm(os.getppid(), "qemu", None, arguments), None).open(lambda: None)
        until(lambda: monitor.status.state is ConnectionState.LOST)
        assert monitor.status.detail == f"the QMP socket {fake.path} belongs to another process, {os.getpid()}"
        monitor.close()
        # Words of the first connection may come late.
        assert [each["execute"] for each in fake.heard].count("qmp_capabilities") == 1
