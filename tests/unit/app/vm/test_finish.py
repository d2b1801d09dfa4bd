"""VMs brought to their end, with a fake QEMU that speaks QMP."""

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.qemu.qmp_address import UnixAddress
from app.vm.child import Child
from app.vm.ending import Grace, Step
from app.vm.finish import finish
from tests.unit.fake_qemu import FakeQemu
from ui.cli.stop_signals import StopSignals

_PATIENCE_S = 60.0
_LONG = Grace(60, 60, 60, 60)


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
        while not self.socket.exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    def finish(self, stops: StopSignals, grace: Grace = _LONG, monitor: bool = True) -> tuple[int | None, Step | None]:
        return finish(self.child, UnixAddress(str(self.socket)) if monitor else None, stops, self.told.append, grace)

    @property
    def steps(self) -> list[str]:
        """What it was told by QMP that is to end it."""
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


def test_guest_that_powers_off_ends_well(tmp_path: Path) -> None:
    with _vm(tmp_path, "obeys") as vm, StopSignals() as stops:
        assert vm.finish(stops) == (0, Step.POWERDOWN)
        assert vm.steps == ["system_powerdown"]
        (line,) = vm.told
        assert re.search("asked the guest to power off, waiting up to 60 s; Ctrl-C: at once", line)


def test_guest_that_does_not_is_quit_after_a_while(tmp_path: Path) -> None:
    with _vm(tmp_path, "deaf") as vm, StopSignals() as stops:
        assert vm.finish(stops, Grace(0.2, 60, 60, 60)) == (0, Step.QUIT)
        assert vm.steps == ["system_powerdown", "quit"]


def test_second_interrupt_quits_at_once(tmp_path: Path) -> None:
    with _vm(tmp_path, "deaf") as vm, StopSignals() as stops:
        # The one that brought us here counts for nothing more.
        signal.raise_signal(signal.SIGINT)

        def interrupt() -> None:
            while "system_powerdown" not in vm.fake_qemu.commands:
                time.sleep(0.01)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        with _meanwhile(interrupt):
            assert vm.finish(stops) == (0, Step.QUIT)
        assert vm.steps == ["system_powerdown", "quit"]


def test_vm_that_takes_no_word_and_no_signal_is_killed(tmp_path: Path) -> None:
    with _vm(tmp_path, "stubborn") as vm, StopSignals() as stops:
        status = vm.finish(stops, Grace(0.1, 0.1, 0.3, 60))
        assert status == (-signal.SIGKILL, Step.KILL)
        assert [line.partition(",")[0] for line in vm.told][1:] == [
            "told QEMU to quit",
            "told QEMU's process to end",
            "killed QEMU's process",
        ]


def test_vm_without_a_monitor_gets_a_signal(tmp_path: Path) -> None:
    with _vm(tmp_path, "obeys") as vm, StopSignals() as stops:
        assert vm.finish(stops, monitor=False) == (0, Step.TERMINATE)
        assert vm.steps == []


def test_monitor_that_another_client_has_is_no_reason_to_wait_long(tmp_path: Path) -> None:
    import socket  # noqa: PLC0415

    with _vm(tmp_path, "obeys") as vm, StopSignals() as stops, socket.socket(socket.AF_UNIX) as other:
        other.connect(str(vm.socket))
        assert json.loads(other.makefile().readline()).keys() == {"QMP"}
        assert vm.finish(stops) == (0, Step.TERMINATE)
        assert "cannot be asked to power off: the QMP socket does not answer" in vm.told[0]


def test_vm_that_ended_by_itself_needs_no_word(tmp_path: Path) -> None:
    with _vm(tmp_path, "ends") as vm, StopSignals() as stops:
        vm.child.wait(_PATIENCE_S)
        assert vm.finish(stops) == (0, None)
        assert vm.told == []


def test_vm_that_dies_while_it_is_asked_is_told_of(tmp_path: Path) -> None:
    with _vm(tmp_path, "deaf") as vm, StopSignals() as stops:

        def kill() -> None:
            while "system_powerdown" not in vm.fake_qemu.commands:
                time.sleep(0.01)
            vm.child.send(signal.SIGKILL)

        with _meanwhile(kill):
            assert vm.finish(stops) == (-signal.SIGKILL, Step.POWERDOWN)
