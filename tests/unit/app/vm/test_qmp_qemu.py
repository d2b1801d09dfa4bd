"""The monitor of a real QEMU; no kernel module and no guest is needed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from app.host.vm import Vm
from app.input.event import Absolute, Axis, Button, Event, Key, Press
from app.qemu.command_line import parse_command_line
from app.qemu.qmp_address import UnixAddress
from app.vm.input_route import QmpInput, input_route
from app.vm.monitor import ConnectionState, PointingDevice, Reply
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_timeouts import SHARED, MonitorTimeouts
from app.vm.power import PowerAction
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


def connected(qemu: "subprocess.Popen[bytes]") -> MonitorConnection:
    """The monitor that its command line names."""
    [listed] = parse_command_line([str(each) for each in qemu.args]).monitors  # type: ignore[union-attr]
    assert isinstance(listed.address, UnixAddress)
    # QEMU needs some time to create the socket.
    connection = open_monitor(listed.address, lambda: None, MonitorTimeouts(retry_delays=(0.05,), query_interval=0.1))
    until(lambda: connection.status.state is ConnectionState.READY)
    return connection


def answer(connection: MonitorConnection, command: str) -> Reply:
    replies: Queue[Reply] = Queue()
    connection.execute(command, done=replies.put)
    return replies.get(timeout=20)


def test_qemu_tells_its_state_takes_input_and_ends(qemu: "subprocess.Popen[bytes]") -> None:
    connection = connected(qemu)
    try:
        assert connection.status.run_state == "prelaunch"
        assert connection.status.pointing is not PointingDevice.NONE
        events: list[Event] = [Key("esc", True), Key("esc", False), Absolute(Axis.X, 1), Absolute(Axis.Y, 2)]
        connection.send(events)
        until(lambda: connection.status.detail == "the VM refuses input: VM not running")
        assert answer(connection, "cont") == Reply({})
        until(lambda: connection.status.run_state == "running")
        connection.send([*events, *(Press(button, down) for button in Button for down in (True, False))])
        connection.send([Key("b", True), Key("b", False)])
        # Refused input would show in the status.
        until(lambda: not connection._input.has_waiting)
        assert answer(connection, "query-name") == Reply({})
        assert connection.status.detail == ""
        assert answer(connection, "no-such-thing").error == "The command no-such-thing has not been found"
        # QEMU ends without waiting until its reply has been read.
        assert answer(connection, "quit") in (Reply({}), Reply(error="the connection to the VM was lost"))
        until(lambda: connection.status.state is ConnectionState.LOST)
        assert qemu.wait(20) == 0
    finally:
        connection.close()


def test_power_actions_of_a_window_that_shares_the_socket(qemu: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    """QEMU does each of them, its state follows, and its socket is let go of."""
    connected(qemu).close()
    connection = open_monitor(UnixAddress(f"{tmp_path}/qmp"), lambda: None, replace(SHARED, hold=0.05, look=0.05))

    def act(action: PowerAction) -> Reply:
        replies: Queue[Reply] = Queue()
        connection.power(action, replies.put)
        return replies.get(timeout=20)

    try:
        until(lambda: connection.status.run_state == "prelaunch")
        for action, state in (
            (PowerAction.RESUME, "running"),
            (PowerAction.PAUSE, "paused"),
            (PowerAction.RESUME, "running"),
            (PowerAction.RESET, "running"),
            (PowerAction.POWERDOWN, "running"),
        ):
            assert act(action) == Reply()
            until(lambda state=state: connection.status.run_state == state)  # type: ignore[misc]
        assert qemu.poll() is None
        assert act(PowerAction.FORCE_OFF) == Reply()
        assert qemu.wait(20) == 0
    finally:
        connection.close()


def test_relative_socket_of_a_daemon_is_found_and_connected_to(tmp_path: Path) -> None:
    """It has left the folder where it was started, and its process is not the one that was started."""
    need_programs("qemu-system-x86_64")
    arguments = ["qemu-system-x86_64", "-accel", "tcg", "-m", "16", "-nodefaults", "-display", "none", "-S"]
    arguments += ["-daemonize", "-pidfile", str(tmp_path / "pid"), "-qmp", "unix:qmp,server=on,wait=off"]
    subprocess.run(arguments, cwd=tmp_path, env={**os.environ, "PWD": str(tmp_path)}, check=True, timeout=60)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        route = input_route(Vm(pid, "qemu-system-x86", None, tuple(arguments), "/"), None)
        assert route == QmpInput(UnixAddress(f"{tmp_path}/qmp"), pid)
        monitor = route.open(lambda: None)
        until(lambda: monitor.status.state is ConnectionState.READY)
        monitor.close()
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_window_that_lets_go_and_another_client_take_turns(qemu: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    """Both are answered by QEMU itself, and a key stays down meanwhile."""
    connected(qemu).close()
    shared = replace(SHARED, hold=0.05, look=0.05)
    monitors = [open_monitor(UnixAddress(f"{tmp_path}/qmp"), lambda: None, shared) for _ in range(2)]
    try:
        for monitor in monitors:
            until(lambda monitor=monitor: monitor.status.run_state == "prelaunch")  # type: ignore[misc]
        assert answer(monitors[0], "cont") == Reply({})
        for number in range(20):
            for monitor in monitors:
                monitor.send([Key("shift", number % 2 == 0)])
                assert answer(monitor, "query-name") == Reply({})
        for monitor in monitors:
            until(lambda monitor=monitor: monitor.status.run_state == "running")  # type: ignore[misc]
            assert monitor.status.detail == ""
    finally:
        for monitor in monitors:
            monitor.close()


def test_a_second_client_waits_until_the_first_one_leaves(qemu: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    first = connected(qemu)
    second = open_monitor(UnixAddress(f"{tmp_path}/qmp"), lambda: None, MonitorTimeouts(connect=0.1))
    try:
        until(lambda: second.status.state is ConnectionState.LOST)
        assert "another client may be connected" in second.status.detail
        first.close()
        until(lambda: second.status.state is ConnectionState.READY)
    finally:
        first.close()
        second.close()
