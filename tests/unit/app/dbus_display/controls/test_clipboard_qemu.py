"""The clipboard between this program and an agent in a guest, through a real QEMU."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import pytest

from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import ControlState, VmDisplay
from app.dbus_display.controls.clipboard import LARGEST_TEXT, DbusClipboard
from app.dbus_display.wire.names import CLIPBOARD, CLIPBOARD_PATH
from tests.qemu.guest_agent import OPTIONS, GuestAgent
from tests.qemu.machine import QemuMachine
from tests.qemu.qtest import QtestClient
from tests.unit.command import REPOSITORY

_REQUEST = 8
_SHARING = "tests.unit.app.dbus_display.controls.programs.sharing_viewer"


@dataclass
class Bench:
    machine: QemuMachine
    agent: GuestAgent
    display: VmDisplay
    clipboard: DbusClipboard
    told: Queue[None] = field(default_factory=Queue)

    def share(self) -> None:
        """Share with an agent that starts now: QEMU begins its count of grabs again for each."""
        self.clipboard.share(lambda: self.told.put(None))
        answers: Queue[object] = Queue()
        self.display.call(CLIPBOARD_PATH, CLIPBOARD, "Release", "u", (2,), answers.put)
        # QEMU has answered a later call: it has our Register.
        answers.get(timeout=20)
        self.agent.announce()

    def copy_in_guest(self, text: bytes, serial: int) -> tuple[str | None, str]:
        """What this side gets of a text that was copied in the guest."""
        self.agent.grab(serial)
        self.told.get(timeout=20)
        answers: Queue[tuple[str | None, str]] = Queue()
        self.clipboard.fetch(lambda text, why_not: answers.put((text, why_not)))
        self.agent.heard_request()
        self.agent.give(text)
        return answers.get(timeout=20)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QemuMachine]:
    with QemuMachine(tmp_path_factory.mktemp("qemu"), ["VGA"], qtest=True, extra=OPTIONS) as machine:
        yield machine


@pytest.fixture(scope="module")
def agent(machine: QemuMachine) -> Iterator[GuestAgent]:
    qtest = QtestClient(machine.qtest)
    yield GuestAgent(qtest)
    qtest.close()


@pytest.fixture
def bench(machine: QemuMachine, agent: GuestAgent) -> Iterator[Bench]:
    display = VmDisplay(Endpoint(machine.display_socket(), None, machine.display_socket), lambda: False)
    try:
        yield Bench(machine, agent, display, DbusClipboard(display))
    finally:
        display.close()


def test_text_goes_both_ways_and_the_newest_counts(bench: Bench) -> None:
    bench.share()
    assert bench.clipboard.offer("Grüße\n") == ""
    assert bench.agent.heard_grab() == 0
    bench.agent.ask()
    assert bench.agent.heard_text().decode() == "Grüße\n"
    assert bench.copy_in_guest("née".encode(), 1) == ("née", "")
    bench.clipboard.offer("again")
    assert bench.agent.heard_grab() == 2
    bench.agent.ask()
    assert bench.agent.heard_text() == b"again"
    # Both copied at once: ours counts, and the guest's number is used up.
    bench.agent.grab(2)
    time.sleep(0.1)
    assert bench.told.empty()
    assert bench.clipboard.why_not == ""


def test_nothing_is_there_before_and_after(bench: Bench) -> None:
    bench.agent.announce()
    bench.clipboard.offer("secret")
    bench.agent.ask()
    assert bench.agent.heard_text() == b""
    bench.share()
    bench.clipboard.offer("shared")
    bench.agent.heard_grab()
    bench.clipboard.share(None)
    bench.agent.heard_release()
    bench.agent.ask()
    assert bench.agent.heard_text() == b""
    bench.agent.grab(9)
    time.sleep(0.1)
    assert bench.told.empty()


def test_text_of_the_guest_is_fetched_only_if_it_is_wanted_and_never_the_primary_selection(bench: Bench) -> None:
    bench.share()
    bench.agent.hears()
    bench.agent.grab(0, selection=1)
    bench.agent.grab(0)
    bench.told.get(timeout=20)
    time.sleep(0.1)
    assert _REQUEST not in bench.agent.hears()
    assert bench.told.empty()


def test_a_client_that_takes_over_ends_the_sharing(bench: Bench) -> None:
    """QEMU keeps the connection open, because it uses its clipboard: the next call tells."""
    bench.share()
    bench.clipboard.offer("ours")
    bench.agent.heard_grab()
    display = VmDisplay(Endpoint(bench.machine.display_socket(), None, None), lambda: False)
    try:
        bench.clipboard.offer("more")
        bench.told.get(timeout=20)
        assert bench.display.state is ControlState.TAKEN_OVER
        assert bench.clipboard.why_not == "another client took the controls over"
        bench.agent.announce()
        other = Bench(bench.machine, bench.agent, display, DbusClipboard(display))
        other.share()
        other.clipboard.offer("theirs")
        bench.agent.heard_grab()
        bench.agent.ask()
        assert bench.agent.heard_text() == b"theirs"
    finally:
        display.close()


def test_a_viewer_that_is_stopped_does_not_hold_up_a_vm_whose_guest_pastes(
    machine: QemuMachine, agent: GuestAgent
) -> None:
    """QEMU waits for the text in its main loop, for 25 s."""
    command = [
        sys.executable,
        "-m",
        "tests.unit.app.dbus_display.controls.programs.sharing_viewer",
        f"pid:{machine.pid}",
    ]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "shared\n"
            agent.heard_grab()
            process.send_signal(signal.SIGSTOP)
            with machine.answer_times() as times:
                agent.ask()
            assert times.worst_s < 10
        finally:
            process.kill()


def test_largest_text_reaches_the_guest_and_a_larger_one_is_refused(tmp_path: Path) -> None:
    with QemuMachine(tmp_path, ["VGA"], qtest=True, extra=OPTIONS) as machine:
        qtest = QtestClient(machine.qtest)
        display = VmDisplay(Endpoint(machine.display_socket(), None, None), lambda: False)
        try:
            bench = Bench(machine, GuestAgent(qtest), display, DbusClipboard(display))
            bench.share()
            assert "too large" in bench.clipboard.offer("x" * (LARGEST_TEXT + 1))
            bench.clipboard.offer("x" * LARGEST_TEXT)
            bench.agent.heard_grab()
            with machine.answer_times() as times:
                bench.agent.ask()
            # The agent reads byte by byte: it takes the time to see that QEMU did not drop it.
            machine.command("query-status")
            assert "dropping" not in machine.said()
            assert times.worst_s < 20
        finally:
            display.close()
            qtest.close()
