"""A monitor that shares the VM's QMP socket: other clients get their turn, and no input is lost by that."""

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from app.input.event import Absolute, Axis, Button, Event, Key, Press
from app.vm import input_queue
from app.vm.monitor import ConnectionState, Reply
from app.vm.monitor_timeouts import SHARED
from tests.unit.app.vm.monitors import CALM, A, in_json, lost, monitor, ready
from tests.unit.qmp_server import LONG_S, FakeVm, until

# A time limit passes only where a test says so. The socket is let go within any pause of a test.
SHORT = replace(CALM, hold=0.03, look=600)
# What PVE::QMPClient waits for an answer, when the manager asks for the state of all VMs.
PROXMOX_WAITS_S = 3.0


class OtherClient:
    """Another program's QMP client, connected and perhaps waiting for its turn."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LONG_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def hear(self) -> object:
        return json.loads(self._lines.readline())

    def ask(self) -> None:
        """Wait for the greeting, and ask for the VM's state."""
        assert "QMP" in str(self.hear())
        for command in ("qmp_capabilities", "query-status"):
            self._socket.sendall(json.dumps({"execute": command, "id": command}).encode())
            assert "return" in str(self.hear())

    def leave(self) -> None:
        self._lines.close()
        self._socket.close()


@contextmanager
def other_client(path: Path) -> Iterator[OtherClient]:
    client = OtherClient(path)
    try:
        yield client
    finally:
        client.leave()


@contextmanager
def again_and_again(step: Callable[[], object]) -> Iterator[None]:
    """Call ``step`` in another thread until the end."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            step()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def has_let_go(vm: FakeVm, connections: int) -> None:
    """Wait until the VM has served so many connections and waits for the next one."""
    until(lambda: vm.connections >= connections and not vm.busy)


def test_a_shared_socket_is_held_for_half_of_the_time_that_proxmox_waits() -> None:
    assert SHARED.hold is not None
    assert SHARED.hold <= PROXMOX_WAITS_S / 2


def test_another_client_gets_its_turn_while_keys_are_typed_without_a_pause(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, SHORT) as connection:
        until(lambda: ready(connection))

        def type_a_key() -> None:
            connection.send([Key("a", True), Key("a", False), Absolute(Axis.X, 1)])
            time.sleep(0.001)

        with again_and_again(type_a_key):
            until(lambda: len(vm.events) > 10)
            for _ in range(5):
                with other_client(vm.path) as other:
                    other.ask()
            before = len(vm.events)
            until(lambda: len(vm.events) > before)
        assert ready(connection)


def test_the_socket_is_free_while_nothing_is_typed(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, replace(SHORT, hold=600)) as connection:
        until(lambda: ready(connection))
        with other_client(vm.path) as other:
            other.ask()
        assert ready(connection)
        assert vm.connections == 2


def test_1000_keys_with_pauses_beside_another_client_arrive_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pauses are shorter and longer than the time for which the socket is held."""
    monkeypatch.setattr(input_queue, "KEY_INTERVAL_NS", 1000)
    keys = [Key(f"f{number}", down) for number in range(1000) for down in (True, False)]
    dice = random.Random(11)
    assert SHORT.hold is not None
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, replace(SHORT, connect=LONG_S)) as connection:
        until(lambda: ready(connection))

        def ask() -> None:
            with other_client(vm.path) as other:
                other.ask()
            time.sleep(dice.uniform(0, SHORT.hold or 0))

        with again_and_again(ask):
            for key in keys:
                connection.send([key])
                if dice.random() < 0.05:
                    time.sleep(dice.choice((0.9, 1.0, 1.1, 2.0)) * SHORT.hold)
            until(lambda: len(vm.events) >= len(keys))
        assert vm.events == in_json(*keys)
        assert vm.connections > 20


def test_a_key_that_is_held_stays_down_while_others_have_the_socket(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, SHORT) as connection:
        until(lambda: ready(connection))
        connection.send([Key("shift", True), Press(Button.LEFT, True)])
        until(lambda: len(vm.events) == 2)
        has_let_go(vm, 2)
        with other_client(vm.path) as other:
            other.ask()
        connection.send(A)
        until(lambda: len(vm.events) == 4)
        has_let_go(vm, 4)
        connection.send([Press(Button.LEFT, False), Key("shift", False)])
        until(lambda: len(vm.events) == 6)
        assert vm.events == in_json(
            Key("shift", True),
            Press(Button.LEFT, True),
            *A,
            Press(Button.LEFT, False),
            Key("shift", False),
        )


def test_input_waits_for_another_client_and_is_sent_when_it_leaves(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, SHORT) as connection:
        until(lambda: ready(connection))
        with other_client(vm.path) as other:
            other.ask()
            connection.send(A)
            connection.send([Key("b", True)])
            time.sleep(0.05)
            assert not vm.events
        until(lambda: len(vm.events) == 3)
        assert vm.events == in_json(*A, Key("b", True))
        assert ready(connection)


def test_input_that_waits_too_long_for_another_client_is_dropped_and_the_reason_told(tmp_path: Path) -> None:
    replies: Queue[Reply] = Queue()
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, replace(SHORT, connect=2.0)) as connection:
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True)])
        until(lambda: vm.events)
        has_let_go(vm, 2)
        with other_client(vm.path) as other:
            other.ask()
            connection.send(A)
            connection.execute("query-name", done=replies.put)
            until(lambda: lost(connection))
            reason = "another program is using the VM's QMP socket, or the VM hangs"
            assert connection.status.detail == reason
            assert replies.get(timeout=LONG_S) == Reply(error=reason)
            connection.send([Key("late", True)])
        until(lambda: ready(connection))
        connection.send([Key("b", True)])
        until(lambda: len(vm.events) == 3)
        # What was held is released, as after every lost connection; nothing is typed late.
        assert vm.events == in_json(Key("ctrl", True), Key("ctrl", False), Key("b", True))


def test_vm_that_is_paused_and_resumed_while_the_socket_is_free_is_noticed(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, replace(SHORT, look=0.02)) as connection:
        until(lambda: ready(connection))
        for state in ("paused", "running"):
            vm.answers["query-status"] = {"status": state}
            until(lambda state=state: connection.status.run_state == state)  # type: ignore[misc]
            assert connection.status.state is ConnectionState.READY


def test_first_key_for_a_vm_that_was_paused_meanwhile_tells_the_new_state(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, SHORT) as connection:
        has_let_go(vm, 1)
        assert ready(connection)
        vm.answers |= {"query-status": {"status": "paused"}, "input-send-event": "VM not running"}
        connection.send(A)
        until(lambda: connection.status.run_state == "paused")
        assert ready(connection)


def test_a_command_connects_and_is_answered(tmp_path: Path) -> None:
    replies: Queue[Reply] = Queue()
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, SHORT) as connection:
        until(lambda: ready(connection))
        vm.answers["query-name"] = {"name": "win10"}
        for connections in (2, 3):
            connection.execute("query-name", done=replies.put)
            assert replies.get(timeout=LONG_S) == Reply({"name": "win10"})
            has_let_go(vm, connections)


def test_closing_releases_what_is_held_and_connects_for_nothing_else(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        with monitor(vm.path, SHORT) as connection:
            until(lambda: ready(connection))
        assert vm.connections == 1
        with monitor(vm.path, SHORT) as connection:
            until(lambda: ready(connection))
            connection.send([Key("ctrl", True)])
            until(lambda: vm.events)
            has_let_go(vm, 3)
        until(lambda: len(vm.events) == 2)
        assert vm.events == in_json(Key("ctrl", True), Key("ctrl", False))


def test_vm_that_ended_while_the_socket_was_free_is_lost_with_the_first_key(tmp_path: Path) -> None:
    with monitor(tmp_path / "qmp", SHORT) as connection:
        with FakeVm(tmp_path / "qmp"):
            until(lambda: ready(connection))
        events: list[Event] = [Key("a", True)]
        connection.send(events)
        until(lambda: lost(connection))
        assert "nothing listens" in connection.status.detail
