"""A monitor and its connection: sending input, a VM that is slow, hangs or dies, and closing."""

import json
import threading
from pathlib import Path

import pytest

from app.input.event import Absolute, Axis, Button, Event, Key, Press, Relative
from app.qemu.qmp_address import UnixAddress
from app.vm import input_queue
from app.vm.monitor import ConnectionState, MonitorStatus, PointingDevice
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.qmp import open_monitor
from tests.unit.app.vm.monitors import CALM, QUICK, A, in_json, lost, monitor, ready
from tests.unit.qmp_server import GREETING, LONG_S, Client, FakeVm, Hangup, until


def test_a_vm_that_answers_tells_its_state_and_gets_input_in_order(tmp_path: Path) -> None:
    changes = threading.Event()
    with FakeVm(tmp_path / "qmp") as vm:
        connection = open_monitor(UnixAddress(str(vm.path)), changes.set, CALM)
        until(lambda: ready(connection))
        assert changes.is_set()
        assert connection.status == MonitorStatus(ConnectionState.READY, "", PointingDevice.ABSOLUTE, "running")
        events: list[Event] = [
            *A,
            Absolute(Axis.X, 1),
            Absolute(Axis.Y, 2),
            Press(Button.LEFT, True),
            Press(Button.LEFT, False),
        ]
        connection.send(events)
        until(lambda: len(vm.events) == len(events))
        connection.close()
        assert vm.events == in_json(*events)
        assert connection.status.state is ConnectionState.LOST


def test_while_the_vm_is_busy_motion_is_merged_and_keys_wait(tmp_path: Path) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def slow(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if message["execute"] == "input-send-event":
                busy.set()
                go_on.wait()
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", slow) as vm, monitor(vm.path) as connection:
        until(lambda: ready(connection))
        connection.send([Key("b", True)])
        assert busy.wait(20)
        for step in range(500):
            connection.send([Absolute(Axis.X, step)])
        connection.send([Press(Button.LEFT, True)])
        for _ in range(500):
            connection.send([Relative(Axis.Y, 1)])
        connection.send(A)
        go_on.set()
        until(lambda: len(vm.events) == 6)
        assert vm.events == in_json(
            Key("b", True), Absolute(Axis.X, 499), Press(Button.LEFT, True), Relative(Axis.Y, 500), *A
        )


def test_of_input_that_is_refused_the_rest_arrives_and_the_vm_is_quoted(tmp_path: Path) -> None:
    def no_tablet(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            refused = message["execute"] == "input-send-event" and '"abs"' in json.dumps(message)
            vm.answers["input-send-event"] = "Input handler not found for event type abs\n\x1b[2J" if refused else {}
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", no_tablet) as vm, monitor(vm.path) as connection:
        until(lambda: ready(connection))
        connection.send([Absolute(Axis.X, 1), Press(Button.LEFT, True)])
        until(lambda: vm.batches == 3)
        assert vm.heard[-1]["arguments"]["events"] == in_json(Press(Button.LEFT, True))
        words = "the VM refuses input: Input handler not found for event type abs [2J"
        until(lambda: connection.status.detail == words)
        assert ready(connection)


def test_a_socket_that_accepts_and_never_answers_says_that_another_client_may_be_there(tmp_path: Path) -> None:
    other_leaves = threading.Event()

    def busy(vm: FakeVm, client: Client) -> None:
        other_leaves.wait()
        vm.serve(client)

    with FakeVm(tmp_path / "qmp", busy) as vm, monitor(vm.path, QUICK) as connection:
        until(lambda: lost(connection))
        assert "does not answer: another client may be connected" in connection.status.detail
        connection.send(A)
        other_leaves.set()
        until(lambda: ready(connection))
        # The connection is the same, and input from before it was ready is dropped.
        assert vm.connections == 1
        assert not vm.events


def test_a_vm_that_stops_answering_is_lost_until_it_answers_and_gets_nothing_old(tmp_path: Path) -> None:
    stopped, go_on = threading.Event(), threading.Event()

    def stops(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if stopped.is_set():
                go_on.wait()
            vm.answer(client, message)

    timeouts = MonitorTimeouts(connect=600, reply=2, query_interval=600)
    with FakeVm(tmp_path / "qmp", stops) as vm, monitor(vm.path, timeouts) as connection:
        until(lambda: ready(connection))
        connection.send([Key("shift", True)])
        until(lambda: vm.events)
        stopped.set()
        connection.send([Key("x", True)])
        connection.send([Absolute(Axis.X, 1), Press(Button.LEFT, True)])
        until(lambda: lost(connection))
        assert "has not answered" in connection.status.detail
        connection.send([Key("y", True)])
        go_on.set()
        until(lambda: ready(connection))
        assert connection.status.detail == ""
        # Keys that it has got are released; the others are forgotten.
        until(lambda: len(vm.events) == 4)
        assert vm.events == in_json(Key("shift", True), Key("x", True), Key("shift", False), Key("x", False))
        assert vm.connections == 1


def test_more_keys_than_a_busy_vm_takes_count_as_a_lost_connection(tmp_path: Path) -> None:
    go_on = threading.Event()

    def busy(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if message["execute"] == "input-send-event":
                go_on.wait()
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", busy) as vm, monitor(vm.path) as connection:
        until(lambda: ready(connection))
        connection.send([Key("a", True)])
        until(lambda: not connection._input.has_waiting)
        for _ in range(600):
            connection.send([Key("b", True), Key("b", False)])
        until(lambda: lost(connection))
        assert "too slowly" in connection.status.detail
        go_on.set()
        until(lambda: ready(connection))
        until(lambda: len(vm.events) == 2)
        assert vm.events == in_json(Key("a", True), Key("a", False))


@pytest.mark.parametrize("answered", range(6))
def test_a_vm_that_dies_at_any_step_is_lost_and_connected_to_again(tmp_path: Path, answered: int) -> None:
    deaths = 0

    def dies(vm: FakeVm, client: Client) -> None:
        nonlocal deaths
        if deaths:
            vm.serve(client)
        deaths += 1
        if answered == 0:
            raise Hangup
        client.say(GREETING)
        for _ in range(answered - 1):
            vm.answer(client, client.hear())
        client.hear()
        raise Hangup

    timeouts = MonitorTimeouts(connect=600, reply=600, retry_delays=(2,), query_interval=0.01)
    with FakeVm(tmp_path / "qmp", dies) as vm, monitor(vm.path, timeouts) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail == "the VM's monitor hung up"
        until(lambda: ready(connection))
        assert vm.connections == 2


def test_what_was_pressed_when_the_connection_broke_is_released_on_the_next(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True), Press(Button.LEFT, True)])
        until(lambda: len(vm.events) == 2)
        vm.hang_up()
        until(lambda: len(vm.events) == 4)
        assert vm.events[2:] == in_json(Key("ctrl", False), Press(Button.LEFT, False))
        assert vm.connections == 2


def test_keys_that_wait_when_the_connection_is_lost_are_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that the connection is lost while keys wait.
    monkeypatch.setattr(input_queue, "KEY_INTERVAL_NS", 1_500_000_000)
    late = threading.Event()

    def sometimes_late(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            # Without an answer the connection counts as lost; the next answer brings it back.
            if message["execute"] != "query-status" or not late.is_set():
                vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", sometimes_late) as vm:
        timeouts = MonitorTimeouts(connect=600, reply=0.5, query_interval=0.01)
        with monitor(vm.path, timeouts) as connection:
            until(lambda: ready(connection))
            late.set()
            # More keys than are sent at once: the last ones wait.
            connection.send([*A * (input_queue.KEY_BURST // 2), Key("c", True), Key("b", True)])
            until(lambda: lost(connection))
            until(lambda: in_json(Key("b", False))[0] in vm.events)
            assert vm.events[-2:] == in_json(Key("c", False), Key("b", False))


def test_closing_lets_input_arrive_and_leaves_nothing_pressed(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        connection = open_monitor(UnixAddress(str(vm.path)), lambda: None, CALM)
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True), Key("c", True)])
        connection.close()
        until(lambda: len(vm.events) == 4)
        assert vm.events[2:] == in_json(Key("ctrl", False), Key("c", False))
        connection.close()
        connection.send(A)
        assert connection.status == MonitorStatus(ConnectionState.LOST, "closed")


def test_closing_need_not_wait_for_a_vm_that_is_busy(tmp_path: Path) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def slow(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if message["execute"] == "input-send-event":
                busy.set()
                go_on.wait()
            vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", slow) as vm:
        connection = open_monitor(UnixAddress(str(vm.path)), lambda: None, MonitorTimeouts(close=LONG_S))
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True)])
        assert busy.wait(LONG_S)
        connection.close(wait=False)
        assert connection.status.detail != "closed"
        go_on.set()
        connection.close()
        until(lambda: vm.events == in_json(Key("ctrl", True), Key("ctrl", False)))


def test_a_monitor_closes_whatever_its_peer_does(tmp_path: Path) -> None:
    """Before it is connected, while the VM does not answer or does not read: no thread and no socket is left."""
    never = threading.Event()

    def silent(_vm: FakeVm, _client: Client) -> None:
        never.wait()

    def reads_no_more(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        for _ in range(3):
            vm.answer(client, client.hear())
        never.wait()

    open_monitor(UnixAddress(str(tmp_path / "none")), lambda: None).close()
    with FakeVm(tmp_path / "a", silent) as vm:
        with monitor(vm.path, QUICK) as connection:
            until(lambda: lost(connection))
        never.set()
    never.clear()
    with FakeVm(tmp_path / "b", reads_no_more) as vm:
        with monitor(vm.path) as connection:
            until(lambda: ready(connection))
            for _ in range(10):
                connection.execute("fill", {"text": "x" * 100_000})
            connection.send(A)
        never.set()


def test_sending_never_waits_for_the_vm(tmp_path: Path) -> None:
    """A call that waited for this VM would never return."""
    never = threading.Event()

    def stuck(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        for _ in range(3):
            vm.answer(client, client.hear())
        never.wait()

    with FakeVm(tmp_path / "qmp", stuck) as vm:
        with monitor(vm.path) as connection:
            until(lambda: ready(connection))
            for step in range(2000):
                connection.send([Absolute(Axis.X, step), Press(Button.LEFT, step % 2 == 0)])
                connection.execute("query-status")
            until(lambda: lost(connection))
        never.set()
