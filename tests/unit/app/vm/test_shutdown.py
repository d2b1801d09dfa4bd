"""Ending VMs, with a stand-in for QEMU that speaks QMP."""

import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.qemu.qmp_address import QmpAddress, UnixAddress
from app.vm import shutdown
from app.vm.child import Child
from app.vm.monitor import Monitor
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.qmp import open_monitor
from app.vm.shutdown import OpenMonitor, open_qmp, shut_down
from app.vm.shutdown_sequence import ShutdownStep, ShutdownTimeouts
from tests.unit.fake_qemu import FakeQemu
from ui.cli.stop_signals import StopSignals

_PATIENCE_S = 60.0
_LONG = ShutdownTimeouts(60, 60, 60, 60)


def _open_patiently(address: QmpAddress, changed: Callable[[], None]) -> Monitor:
    """However long a loaded machine takes to answer."""
    return open_monitor(address, changed, MonitorTimeouts(connect=600, reply=600))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "_MONITOR_TIMEOUT_S", _PATIENCE_S)


class _Vm:
    def __init__(self, folder: Path, manner: str) -> None:
        self.fake_qemu = FakeQemu(folder)
        self.socket = folder / "qmp"
        self.told: list[str] = []
        arguments = [
            str(self.fake_qemu.program),
            "-name",
            manner,
            "-qmp",
            f"unix:path={self.socket},server=on,wait=off",
        ]
        self.child = Child.start(arguments)
        until = time.monotonic() + _PATIENCE_S
        # Written when it listens.
        while not self.fake_qemu.report.exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    def shut_down(
        self,
        stop_signals: StopSignals,
        timeouts: ShutdownTimeouts = _LONG,
        has_monitor: bool = True,
        open_monitor: OpenMonitor = _open_patiently,
    ) -> tuple[int | None, ShutdownStep | None]:
        address = UnixAddress(str(self.socket)) if has_monitor else None
        return shut_down(self.child, address, stop_signals, self.told.append, timeouts, open_monitor)

    @property
    def steps(self) -> list[str]:
        """The QMP commands so far that end a VM."""
        return [each for each in self.fake_qemu.commands if each in ("system_powerdown", "quit")]


@contextmanager
def _vm(folder: Path, manner: str) -> Iterator[_Vm]:
    vm = _Vm(folder, manner)
    try:
        yield vm
    finally:
        vm.child.send(signal.SIGKILL)
        vm.child.wait(_PATIENCE_S)
        vm.child.close()


@contextmanager
def _meanwhile(do: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=do)
    thread.start()
    yield
    thread.join()


def test_guest_that_powers_off_ends_the_vm(tmp_path: Path) -> None:
    with _vm(tmp_path, "obeys") as vm, StopSignals() as stop_signals:
        assert vm.shut_down(stop_signals) == (0, ShutdownStep.POWERDOWN)
        assert vm.steps == ["system_powerdown"]
        (line,) = vm.told
        assert re.search("asked the guest to power off, waiting up to 60 s; Ctrl-C: at once", line)


def test_guest_that_does_not_power_off_is_quit_after_a_while(tmp_path: Path) -> None:
    with _vm(tmp_path, "deaf") as vm, StopSignals() as stop_signals:
        assert vm.shut_down(stop_signals, ShutdownTimeouts(0.2, 60, 60, 60)) == (0, ShutdownStep.QUIT)
        assert vm.steps == ["system_powerdown", "quit"]


def test_second_interrupt_quits_at_once(tmp_path: Path) -> None:
    with _vm(tmp_path, "deaf") as vm, StopSignals() as stop_signals:
        # A signal from before does not count.
        signal.raise_signal(signal.SIGINT)

        def interrupt() -> None:
            while "system_powerdown" not in vm.fake_qemu.commands:
                time.sleep(0.01)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        with _meanwhile(interrupt):
            assert vm.shut_down(stop_signals) == (0, ShutdownStep.QUIT)
        assert vm.steps == ["system_powerdown", "quit"]


def test_vm_that_takes_no_command_and_no_signal_is_killed(tmp_path: Path) -> None:
    with _vm(tmp_path, "stubborn") as vm, StopSignals() as stop_signals:
        status = vm.shut_down(stop_signals, ShutdownTimeouts(0.1, 0.1, 0.3, 60))
        assert status == (-signal.SIGKILL, ShutdownStep.KILL)
        assert [line.partition(",")[0] for line in vm.told][1:] == [
            "told QEMU to quit",
            "told QEMU's process to end",
            "killed QEMU's process",
        ]


def test_vm_without_a_monitor_gets_a_signal(tmp_path: Path) -> None:
    with _vm(tmp_path, "obeys") as vm, StopSignals() as stop_signals:
        assert vm.shut_down(stop_signals, has_monitor=False) == (0, ShutdownStep.TERMINATE)
        assert vm.steps == []


def test_monitor_with_another_client_delays_the_end_only_a_little(tmp_path: Path) -> None:
    with _vm(tmp_path, "obeys") as vm, StopSignals() as stop_signals, socket.socket(socket.AF_UNIX) as other:
        other.connect(str(vm.socket))
        assert json.loads(other.makefile().readline()).keys() == {"QMP"}
        assert vm.shut_down(stop_signals, open_monitor=open_qmp) == (0, ShutdownStep.TERMINATE)
        assert "cannot be asked to power off: the QMP socket does not answer" in vm.told[0]


def test_vm_that_ended_by_itself_needs_no_step(tmp_path: Path) -> None:
    with _vm(tmp_path, "ends") as vm, StopSignals() as stop_signals:
        vm.child.wait(_PATIENCE_S)
        assert vm.shut_down(stop_signals) == (0, None)
        assert vm.told == []


def test_vm_that_dies_while_it_is_asked_has_ended(tmp_path: Path) -> None:
    with _vm(tmp_path, "deaf") as vm, StopSignals() as stop_signals:

        def kill() -> None:
            while "system_powerdown" not in vm.fake_qemu.commands:
                time.sleep(0.01)
            vm.child.send(signal.SIGKILL)

        with _meanwhile(kill):
            assert vm.shut_down(stop_signals) == (-signal.SIGKILL, ShutdownStep.POWERDOWN)
