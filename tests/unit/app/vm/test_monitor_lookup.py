"""Where the monitor of a running VM is, or why nothing can be sent to it."""

import errno
import importlib.util
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.host.vm import Vm
from app.qemu.qmp_address import TcpAddress, UnixAddress
from app.vm.monitor_lookup import LibvirtDomain, NoMonitor, find_monitor
from tests.unit.hosts import Host

PID = 4242
OURS, THEIRS = "[4026531840]", "[4026532999]"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def vm(host: Host, *arguments: str, cwd: str | None = None, mnt: str = OURS, net: str = OURS) -> Vm:
    folder = host.process(PID, "qemu-system-x86", arguments, uid=os.getuid())
    for pid, spaces in (("self", {"mnt": OURS, "net": OURS}), (str(PID), {"mnt": mnt, "net": net})):
        (host.paths.proc / pid / "ns").mkdir(parents=True)
        for kind, number in spaces.items():
            (host.paths.proc / pid / "ns" / kind).symlink_to(f"{kind}:{number}")
    (folder / "root").symlink_to(host.paths.proc.parent / "container")
    (folder / "cwd").symlink_to(host.paths.proc.parent / "container/srv")
    return Vm(PID, "qemu-system-x86", "win10", ("qemu-system-x86_64", *arguments), cwd)


@contextmanager
def listening(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        yield path


def reason(host: Host, machine: Vm) -> str:
    found = find_monitor(machine, host.paths)
    assert isinstance(found, NoMonitor)
    return found.reason


def test_the_first_monitor_that_can_be_connected_to_is_found(host: Host, tmp_path: Path) -> None:
    with listening(tmp_path / "b") as path:
        machine = vm(host, "-qmp", "stdio", "-qmp", f"unix:{tmp_path}/a,server", "-qmp", f"unix:{path},server")
        assert find_monitor(machine, host.paths) == UnixAddress(str(path))


def test_a_relative_path_starts_where_the_vm_was_started(host: Host, tmp_path: Path) -> None:
    with listening(tmp_path / "run/qmp") as path:
        machine = vm(host, "-qmp", "unix:run/qmp,server", cwd=str(tmp_path))
        assert find_monitor(machine, host.paths) == UnixAddress(str(path))


@pytest.mark.parametrize("option", [["-daemonize"], ["-chroot", "/srv/jail"], ["-run-with", "chroot=/srv/jail"]])
def test_a_relative_path_starts_where_a_vm_was_started_that_has_left_that_folder(
    host: Host, tmp_path: Path, option: list[str]
) -> None:
    """QEMU changes to "/" after it has made its sockets, so its folder in /proc is the wrong one."""
    with listening(tmp_path / "start/qmp") as path:
        machine = vm(host, *option, "-qmp", "unix:qmp,server", cwd="/")
        assert reason(host, machine) == (
            "its QMP socket qmp has no full path, and QEMU has left its folder: "
            "start QEMU with the full path, or use --qmp"
        )
        environ = host.paths.proc / str(PID) / "environ"
        environ.write_bytes(b"HOME=/root\0PWD=%s\0" % os.fsencode(path.parent))
        assert find_monitor(machine, host.paths) == UnixAddress(str(path))
        environ.write_bytes(b"PWD=/elsewhere\0")
        assert reason(host, machine) == (
            "its QMP socket qmp has no full path, and there is no QMP socket /elsewhere/qmp: "
            "start QEMU with the full path, or use --qmp"
        )


def test_a_relative_path_of_a_daemon_in_a_container_starts_in_the_container(host: Host) -> None:
    with listening(host.paths.proc.parent / "container/start/qmp"):
        machine = vm(host, "-daemonize", "-qmp", "unix:qmp,server", cwd="/", mnt=THEIRS)
        (host.paths.proc / str(PID) / "environ").write_bytes(b"PWD=/start\0")
        assert find_monitor(machine, host.paths) == UnixAddress(f"{host.paths.proc}/{PID}/root/start/qmp")


def test_a_socket_that_no_manager_needs_is_preferred(host: Host, tmp_path: Path) -> None:
    with listening(tmp_path / "qemu-server/105.qmp") as managed, listening(tmp_path / "own") as own:
        machine = vm(host, "-qmp", f"unix:{managed},server", "-qmp", f"unix:{own},server")
        assert find_monitor(machine, host.paths) == UnixAddress(str(own))
        own.unlink()
        assert find_monitor(machine, host.paths) == UnixAddress(str(managed))


def test_a_path_in_the_new_root_folder_of_a_container_is_not_taken_for_the_old_one(host: Host) -> None:
    container = host.paths.proc.parent / "container"
    with listening(container / "srv/qmp"):
        machine = vm(host, "-chroot", "/jail", "-qmp", "unix:/srv/qmp,server", mnt=THEIRS)
        assert "QEMU has left its root folder: give it with --qmp" in reason(host, machine)


def test_a_monitor_of_a_configuration_file_is_found(host: Host, tmp_path: Path) -> None:
    with listening(tmp_path / "qmp") as path:
        text = f'[chardev "m"]\n  backend = "socket"\n  path = "{path}"\n  server = "on"\n[mon]\n  mode = "control"\n'
        machine = replace(vm(host, "-readconfig", "vm.cfg"), configs={"vm.cfg": text + '  chardev = "m"\n'})
        assert find_monitor(machine, host.paths) == UnixAddress(str(path))


def test_a_path_in_a_container_is_reached_through_its_process(host: Host) -> None:
    container = host.paths.proc.parent / "container"
    with listening(container / "srv/qmp"):
        machine = vm(host, "-qmp", "unix:/srv/qmp,server", mnt=THEIRS)
        assert find_monitor(machine, host.paths) == UnixAddress(f"{host.paths.proc}/{PID}/root/srv/qmp")
        relative = Vm(PID, "qemu", None, ("qemu", "-qmp", "unix:qmp,server"), "/srv")
        assert find_monitor(relative, host.paths) == UnixAddress(f"{host.paths.proc}/{PID}/cwd/qmp")


def test_ports_and_abstract_names_count_in_their_network_only(host: Host) -> None:
    machine = vm(host, "-qmp", "tcp:localhost:4444,server", net=THEIRS)
    assert reason(host, machine) == "its QMP socket localhost:4444 is in another network namespace"
    (host.paths.proc / str(PID) / "ns/net").unlink()
    # A namespace that cannot be read is not held against it.
    assert find_monitor(machine, host.paths) == TcpAddress("localhost", 4444)


def test_a_port_is_left_out_where_fds_are_passed(host: Host, tmp_path: Path) -> None:
    port = ("-qmp", "tcp:localhost:4444,server")
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / "qmp"))
        both = vm(host, *port, "-qmp", f"unix:{tmp_path}/qmp,server")
        assert find_monitor(both, host.paths, passes_fds=True) == UnixAddress(f"{tmp_path}/qmp")
    found = find_monitor(replace(both, arguments=("qemu", *port)), host.paths, passes_fds=True)
    assert isinstance(found, NoMonitor)
    assert found.reason.startswith("its QMP socket localhost:4444 is a TCP port, which passes no file descriptors")


def test_without_a_monitor_the_reason_says_what_to_do(host: Host) -> None:
    assert "-qmp unix:PATH,server=on,wait=off" in reason(host, vm(host, "-m", "1G"))
    assert "--qmp" in reason(host, Vm(PID, "qemu", None, ("qemu", "-readconfig", "f")))
    assert reason(host, Vm(PID, "qemu", None, ())) == "its command line cannot be read"
    assert "standard input" in reason(host, Vm(PID, "qemu", None, ("qemu", "-qmp", "stdio")))
    unseen = reason(host, Vm(PID, "qemu", None, ("qemu", "-qmp", "unix:a,server")))
    assert "no full path" in unseen and "with the full path, or use --qmp" in unseen


def test_a_socket_that_cannot_be_used_is_a_reason(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "qmp"
    machine = vm(host, "-qmp", f"unix:{path},server")
    assert reason(host, machine) == f"there is no QMP socket {path}"
    path.touch(0o600)
    assert reason(host, machine) == f"{path} is no socket"
    path.unlink()
    with listening(path), monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        assert reason(host, machine).startswith(f"you have no permission to use the QMP socket {path} (")

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "stat", closed)
    assert "you have no permission to use" in reason(host, machine)


LIBVIRT = ("-name", "guest=win10", "-uuid", "u", "-chardev", "socket,id=charmonitor,fd=27,server=on", "-mon")


@pytest.mark.parametrize("installed", [True, False])
def test_where_libvirt_owns_the_monitor_its_module_is_needed(
    host: Host, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object() if installed else None)
    machine = vm(host, *LIBVIRT, "chardev=charmonitor,mode=control")
    if installed:
        found = find_monitor(machine, host.paths)
        assert found == LibvirtDomain("win10", "u", ("qemu:///session", "qemu:///system"))
        # A user session's libvirt is not started for a VM of the system's libvirt.
        of_system = Vm(PID, "qemu", "win10", (*machine.arguments, "-object", "secret,file=/var/lib/libvirt/qemu/x"))
        assert find_monitor(of_system, host.paths) == LibvirtDomain("win10", "u", ("qemu:///system",))
        monkeypatch.setattr(os, "getuid", lambda: 12345678)
        assert find_monitor(machine, host.paths) == LibvirtDomain("win10", "u", ("qemu:///system",))
    else:
        assert (
            reason(host, machine)
            == "libvirt owns its monitor, and the Python package libvirt-python is missing: see running-vms.md"
        )


def test_a_socket_of_another_program_is_not_libvirts(host: Host) -> None:
    machine = vm(host, "-name", "x", "-chardev", "socket,id=c,fd=3,server", "-qmp", "chardev:c")
    assert reason(host, machine) == "its QMP socket belongs to the program that started it"
