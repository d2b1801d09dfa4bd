"""The monitor of a real QEMU, which needs no kernel module and no guest for that."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from app.input.event import Absolute, Axis, Button, Event, Key, Press
from app.qemu.command_line import parse
from app.qemu.qmp_address import UnixAddress
from app.vm.monitor import LinkState, Pointing, Reply
from app.vm.monitor_connection import MonitorLink, Patience
from app.vm.qmp import open_monitor
from tests.gate import need_programs
from tests.unit.qmp_server import until


@pytest.fixture
def qemu(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A VM with a tablet, stopped before its first instruction."""
    need_programs("qemu-system-x86_64")
    arguments = [
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-m",
        "16",
        "-nodefaults",
        "-display",
        "none",
        "-S",
        "-device",
        "qemu-xhci",
    ]
    arguments += ["-device", "usb-tablet", "-qmp", f"unix:{tmp_path}/qmp,server=on,wait=off"]
    process = subprocess.Popen(arguments)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def connected(qemu: "subprocess.Popen[bytes]") -> MonitorLink:
    """Its monitor, found by its command line."""
    [found] = parse([str(each) for each in qemu.args]).monitors  # type: ignore[union-attr]
    assert isinstance(found.address, UnixAddress)
    # It is not there at once.
    link = open_monitor(found.address, lambda: None, Patience(pauses=(0.05,), look=0.1))
    until(lambda: link.link.state is LinkState.READY)
    return link


def answer(link: MonitorLink, command: str) -> Reply:
    replies: Queue[Reply] = Queue()
    link.execute(command, done=replies.put)
    return replies.get(timeout=20)


def test_qemu_tells_its_state_takes_input_and_ends(qemu: "subprocess.Popen[bytes]") -> None:
    link = connected(qemu)
    try:
        assert link.link.run_state == "prelaunch"
        assert link.link.pointing is not Pointing.NONE
        events: list[Event] = [Key("esc", True), Key("esc", False), Absolute(Axis.X, 1), Absolute(Axis.Y, 2)]
        link.send(events)
        until(lambda: link.link.detail == "the VM refuses input: VM not running")
        assert answer(link, "cont") == Reply({})
        until(lambda: link.link.run_state == "running")
        link.send([*events, *(Press(button, down) for button in Button for down in (True, False))])
        link.send([Key("b", True), Key("b", False)])
        # Refused input shows in the link: nothing was.
        until(lambda: not link._queue)
        assert answer(link, "query-name") == Reply({})
        assert link.link.detail == ""
        assert answer(link, "no-such-thing").error == "The command no-such-thing has not been found"
        assert answer(link, "quit") == Reply({})
        until(lambda: link.link.state is LinkState.LOST)
        assert qemu.wait(20) == 0
    finally:
        link.close()


def test_a_second_client_waits_until_the_first_one_leaves(qemu: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    first = connected(qemu)
    second = open_monitor(UnixAddress(f"{tmp_path}/qmp"), lambda: None, Patience(connect=0.1))
    try:
        until(lambda: second.link.state is LinkState.LOST)
        assert "another client may be connected" in second.link.detail
        first.close()
        until(lambda: second.link.state is LinkState.READY)
    finally:
        first.close()
        second.close()
