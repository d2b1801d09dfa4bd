"""The ends of a monitor's turns at the VM's socket: no command prolongs one, and no key stays pressed after it."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from queue import Queue

from app.input.event import Key
from app.vm.monitor import Reply
from tests.unit.app.vm.monitors import A, in_json, lost, monitor, ready
from tests.unit.app.vm.test_monitor_connection_sharing import SHORT, has_let_go, other_client
from tests.unit.qmp_server import GREETING, LONG_S, Client, FakeVm, Hangup, until


def test_no_command_starts_when_the_turn_is_over_and_another_command_takes_long(tmp_path: Path) -> None:
    go_on, replies = threading.Event(), Queue[Reply]()
    turns: dict[str, int] = {}

    def slow(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            turns[message["execute"]] = vm.connections
            if message["execute"] == "query-version":
                go_on.wait(LONG_S)
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", slow) as vm, monitor(vm.path, SHORT) as connection:
        until(lambda: ready(connection))
        vm.answers |= {"query-version": "unknown", "query-name": {"name": "win10"}}
        connection.execute("query-version", done=replies.put)
        until(lambda: "query-version" in turns)
        until(lambda: connection._peer is None)
        connection.execute("query-name", done=replies.put)
        go_on.set()
        assert replies.get(timeout=LONG_S).error is not None, "a command that was sent gets its answer"
        assert replies.get(timeout=LONG_S) == Reply({"name": "win10"})
        assert turns["query-name"] > turns["query-version"]


def test_a_release_that_the_vm_did_not_get_is_sent_again(tmp_path: Path) -> None:
    def hang_up_once(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if "input-send-event" in str(message) and vm.events and vm.connections == 1:
                raise Hangup
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", hang_up_once) as vm, monitor(vm.path) as connection:
        until(lambda: ready(connection))
        connection.send([Key("shift", True)])
        until(lambda: vm.events)
        connection.send([Key("shift", False)])
        until(lambda: len(vm.events) == 2)
        assert vm.connections == 2
        assert vm.events == in_json(Key("shift", True), Key("shift", False))


def test_a_held_key_is_released_at_the_end_though_another_client_has_made_the_vm_count_as_lost(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, replace(SHORT, connect=2.0)) as connection:
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True)])
        until(lambda: vm.events)
        has_let_go(vm, 2)
        with other_client(vm.path) as other:
            other.ask()
            connection.send(A)
            until(lambda: lost(connection))
            connection.close(wait=False)
        until(lambda: len(vm.events) == 2)
        assert vm.events == in_json(Key("ctrl", True), Key("ctrl", False))


def test_keys_are_released_at_the_end_before_another_client_has_its_turn(tmp_path: Path) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if message["execute"] == "input-send-event" and not vm.events:
                arrived.set()
                go_on.wait(LONG_S)
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", slow) as vm, monitor(vm.path, replace(SHORT, close=LONG_S)) as connection:
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True)])
        assert arrived.wait(LONG_S)
        with other_client(vm.path):
            time.sleep(2 * (SHORT.hold or 0))
            connection.close(wait=False)
            until(connection._closing.is_set)
            go_on.set()
            until(lambda: len(vm.events) == 2)
        assert vm.events == in_json(Key("ctrl", True), Key("ctrl", False))
