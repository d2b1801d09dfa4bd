"""A VM that is stopped (SIGSTOP) blocks nothing: not the opening, not the monitor, not the end of the program."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.open.opening import OpenOptions, open_target
from app.open.target import Named, VmName
from app.planes.status import Reason
from app.vm.child import Child
from app.vm.shutdown import shut_down
from app.vm.shutdown_sequence import ShutdownStep, ShutdownTimeouts
from tests.attacks.qmp_vm import qmp_vm
from tests.unit.command import REPOSITORY
from tests.unit.hosts import UUID_A, Host, qemu
from tests.unit.qmp_server import LONG_S
from tests.unit.vms import Vms, vms_on


@contextmanager
def _user(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.attacks.programs.monitor_user", str(path)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    assert poll.poll(LONG_S * 1000), "it says nothing"
    return process.stdout.readline().decode()


@pytest.mark.parametrize("end", ["Ctrl-C", "close"])
def test_monitor_of_a_stopped_vm_says_so_and_does_not_hold_the_program(tmp_path: Path, end: str) -> None:
    with qmp_vm(tmp_path / "qmp") as vm, _user(tmp_path / "qmp") as user:
        assert _line(user).startswith("ready")
        vm.send_signal(signal.SIGSTOP)
        assert "has not answered" in _line(user)
        if end == "close":
            assert user.stdin is not None
            user.stdin.close()
        else:
            user.send_signal(signal.SIGINT)
        assert user.wait(LONG_S) == 0


def test_monitor_of_a_vm_that_goes_on_is_ready_again(tmp_path: Path) -> None:
    with qmp_vm(tmp_path / "qmp") as vm, _user(tmp_path / "qmp") as user:
        assert _line(user).startswith("ready")
        vm.send_signal(signal.SIGSTOP)
        assert _line(user).startswith("lost")
        vm.send_signal(signal.SIGCONT)
        assert _line(user).startswith("ready")


def test_vm_that_was_stopped_before_the_first_connection_does_not_answer(tmp_path: Path) -> None:
    with qmp_vm(tmp_path / "qmp") as vm:
        vm.send_signal(signal.SIGSTOP)
        with _user(tmp_path / "qmp") as user:
            assert "does not answer" in _line(user)
            user.send_signal(signal.SIGINT)
            assert user.wait(LONG_S) == 0


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


@pytest.mark.parametrize("target", [Named(UUID_A), VmName("a")])
def test_stopped_vm_is_attached_to_shown_and_closed(host: Host, vms: Vms, target: Named | VmName) -> None:
    """The kernel answers for the device, and gives the fd of a process that does not run."""
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"
    vm = vms.start("qemu-system-x86", qemu("a", "-device", device), ["mbochs"], groups=[1])
    vm.suspend()
    session = open_target(target, host.paths, OpenOptions(access=vms.access()))
    try:
        assert session.source.latest().status.reason is Reason.OK
        assert session.ended() is None
    finally:
        session.close()


class _Requests:
    """The user has asked once to stop."""

    count = 1

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        return self._fd

    def clear(self) -> None:
        pass

    def close(self) -> None:
        os.close(self._fd)


def test_own_vm_that_is_stopped_is_ended_all_the_same() -> None:
    """A stopped process takes no SIGTERM: it must come to SIGKILL."""
    child, requests, said = Child.start(["sleep", "1000"]), _Requests(), list[str]()
    try:
        child.send(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        quick = ShutdownTimeouts(terminate=0.05)
        status, step = shut_down(child, None, requests, said.append, quick)
        assert (status, step) == (-signal.SIGKILL, ShutdownStep.KILL)
        assert said
    finally:
        requests.close()
        child.close()
