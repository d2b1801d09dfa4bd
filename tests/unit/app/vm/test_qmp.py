"""A VM's QMP monitor that behaves, and all the ways in which one may not."""

import json
import os
import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qemu.qmp import Message, QMPClient
from qemu.qmp.protocol import AsyncProtocol

from app.input.event import Absolute, Axis, Button, Event, Key, Press, Relative, document
from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress
from app.vm import input_queue, qmp
from app.vm.monitor import ConnectionState, MonitorStatus, PointingDevice, Reply
from app.vm.monitor_connection import MonitorConnection, MonitorTimeouts
from app.vm.qmp import open_monitor
from tests.unit.command import REPOSITORY
from tests.unit.qmp_server import GREETING, LONG_S, MOUSE, TABLET, Client, FakeVm, Hangup, Script, until

A = [Key("a", True), Key("a", False)]
# A test that waits for an answer to come late does not wait long.
QUICK = MonitorTimeouts(connect=0.05, reply=0.05, retry_delays=(0.01,), query_interval=0.01)
# Nothing in here takes so long, however slow the machine is.
CALM = MonitorTimeouts(connect=600, reply=600, retry_delays=(0.01,), query_interval=600)


@contextmanager
def monitor(address: QmpAddress | Path, timeouts: MonitorTimeouts = CALM) -> Iterator[MonitorConnection]:
    where = UnixAddress(str(address)) if isinstance(address, Path) else address
    connection = open_monitor(where, lambda: None, timeouts)
    try:
        yield connection
    finally:
        connection.close()


def ready(connection: MonitorConnection) -> bool:
    return connection.status.state is ConnectionState.READY


def lost(connection: MonitorConnection) -> bool:
    return connection.status.state is ConnectionState.LOST


def in_json(*events: Event) -> list[object]:
    return [document(each) for each in events]


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


def test_a_change_of_the_vm_shows_with_its_event(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        until(lambda: ready(connection))
        vm.answers["query-status"] = {"status": "paused", "running": False}
        vm.say({"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 0}})
        until(lambda: connection.status.run_state == "paused")


def test_a_pointing_device_that_the_guest_starts_to_use_shows_without_an_event(tmp_path: Path) -> None:
    timeouts = MonitorTimeouts(connect=600, reply=600, query_interval=0.01)
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, timeouts) as connection:
        vm.answers["query-mice"] = []
        until(lambda: connection.status.pointing is PointingDevice.NONE)
        vm.answers["query-mice"] = MOUSE
        until(lambda: connection.status.pointing is PointingDevice.RELATIVE)
        vm.answers["query-mice"] = TABLET
        until(lambda: connection.status.pointing is PointingDevice.ABSOLUTE)


def test_a_vm_that_knows_no_such_queries_still_takes_input(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        del vm.answers["query-status"], vm.answers["query-mice"]
        until(lambda: ready(connection))
        assert connection.status == MonitorStatus(ConnectionState.READY)
        connection.send(A)
        until(lambda: vm.events)


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


def test_commands_are_answered_once_whatever_becomes_of_them(tmp_path: Path) -> None:
    replies: list[tuple[str, Reply]] = []

    def ask(connection: MonitorConnection, command: str) -> None:
        connection.execute(command, done=lambda reply: replies.append((command, reply)))

    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        vm.answers["system_powerdown"] = {}
        vm.answers["quit"] = "no\nway"
        until(lambda: ready(connection))
        ask(connection, "system_powerdown")
        until(lambda: len(replies) == 1)
        ask(connection, "quit")
        until(lambda: len(replies) == 2)
        connection.close()
        ask(connection, "late")
    assert replies == [
        ("system_powerdown", Reply({})),
        ("quit", Reply(error="no way")),
        ("late", Reply(error="the monitor is closed")),
    ]


def test_a_command_without_an_answer_fails(tmp_path: Path) -> None:
    replies: list[Reply] = []

    def deaf_to_quit(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if message["execute"] == "hang-up":
                raise Hangup
            if message["execute"] != "quit":
                vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", deaf_to_quit) as vm:
        timeouts = MonitorTimeouts(connect=600, reply=0.2, retry_delays=(0.01,), query_interval=600)
        with monitor(vm.path, timeouts) as connection:
            connection.execute("early", done=replies.append)
            until(lambda: ready(connection))
            connection.execute("quit", done=replies.append)
            until(lambda: len(replies) == 2)
            assert replies[1] == Reply(error="the VM does not answer")
            connection.execute("hang-up", done=replies.append)
            until(lambda: len(replies) == 3)
            assert replies[2] == Reply(error="the connection to the VM was lost")
        with monitor(vm.path) as connection:
            until(lambda: ready(connection))
            connection.execute("quit", done=replies.append)
        assert replies[3] == Reply(error="the monitor is closed")


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
        # The same connection, and nothing that was typed before it was of any use.
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

    timeouts = MonitorTimeouts(connect=600, reply=0.2, query_interval=600)
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
        # What it had got is released; what it had not is forgotten.
        until(lambda: len(vm.events) == 4)
        assert vm.events == in_json(Key("shift", True), Key("x", True), Key("shift", False), Key("x", False))
        assert vm.connections == 1


def test_more_keys_than_a_busy_vm_takes_are_a_loss_that_is_told(tmp_path: Path) -> None:
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
        until(lambda: not connection._queue)
        for _ in range(600):
            connection.send([Key("b", True), Key("b", False)])
        until(lambda: lost(connection))
        assert "too slowly" in connection.status.detail
        go_on.set()
        until(lambda: ready(connection))
        until(lambda: len(vm.events) == 2)
        assert vm.events == in_json(Key("a", True), Key("a", False))


# What was said and heard before.
CONNECTED, GREETED, ASKED = range(3)


def _says(stage: int, data: bytes) -> Script:
    """Says this at some stage, then no more."""

    def script(vm: FakeVm, client: Client) -> None:
        if stage >= GREETED:
            client.say(GREETING)
            message = client.hear()
        if stage >= ASKED:
            vm.answer(client, message)
            assert client.hear()["id"] == "__qmp#00000"
        client.say_bytes(data)
        vm.settle(client)

    return script


@pytest.mark.parametrize(
    "stage, said, words",
    [
        (CONNECTED, b"", "hung up"),
        (CONNECTED, b"QEMU 10.0.2 monitor - type 'help' for more information\r\n(qemu) ", "needs that of -qmp"),
        (CONNECTED, b"SSH-2.0-OpenSSH_9.2p1\r\n", "no QMP monitor"),
        (CONNECTED, b"{}\r\n", "no QMP monitor"),
        (CONNECTED, b"[1, 2]\r\n", "no QMP monitor"),
        (CONNECTED, b'{"QMP": 7}\r\n', "no QMP monitor"),
        (CONNECTED, b'{"QMP": {"version": {}, "capabilities": null}}\r\n', "no QMP monitor"),
        (CONNECTED, b"\xff\xfe\xfd\r\n", "no QMP monitor"),
        (CONNECTED, b"[" * 100_000 + b"\r\n", "no QMP monitor"),
        (CONNECTED, b"x" * 3_000_000, "no QMP monitor"),
        (CONNECTED, b'{"QMP": ', "middle of a message"),
        (GREETED, b"", "hung up"),
        (GREETED, b'{"error": {}}\r\n', "takes no commands"),
        (GREETED, b"[]\r\n", "takes no commands"),
        (GREETED, b'{"retu', "middle of a message"),
        (ASKED, b"", "hung up"),
        (ASKED, b'{"id": ', "middle of a message"),
        (ASKED, b"hello\r\n", "nonsense"),
        (ASKED, b"[" * 100_000 + b"\r\n", "nonsense"),
        (ASKED, b"x" * 3_000_000, "nonsense"),
        (ASKED, b'{"id": [1]}\r\n', "nonsense"),
        (ASKED, b'{"error": 3}\r\n', "nonsense"),
        (ASKED, b'{"id": "__qmp#00000"}\r\n', "nonsense"),
        (ASKED, b'{"id": "__qmp#00000", "error": 5}\r\n', "nonsense"),
        (ASKED, b'{"id": "__qmp#00000", "return": 5}\r\n', "query-status makes no sense"),
        (ASKED, b'{"event": {"a": 1}}\r\n', "nonsense"),
    ],
)
def test_what_is_no_qmp_monitor_is_named_in_one_short_line(tmp_path: Path, stage: int, said: bytes, words: str) -> None:
    with FakeVm(tmp_path / "qmp", _says(stage, said)) as vm, monitor(vm.path) as connection:
        until(lambda: lost(connection))
        assert words in connection.status.detail
        assert "\n" not in connection.status.detail
        assert len(connection.status.detail) < 120


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([CONNECTED, GREETED, ASKED]),
    st.one_of(st.binary(max_size=60), st.text("{}[]\",:0e\n '", max_size=60).map(str.encode)),
)
def test_any_bytes_are_a_reason_and_nothing_else(tmp_path: Path, stage: int, garbage: bytes) -> None:
    path = tmp_path / "qmp"
    path.unlink(missing_ok=True)
    with FakeVm(path, _says(stage, garbage)) as vm, monitor(vm.path) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail


@pytest.mark.parametrize("answered", range(6))
def test_a_vm_that_dies_at_any_step_is_lost_and_found_again(tmp_path: Path, answered: int) -> None:
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

    timeouts = MonitorTimeouts(connect=600, reply=600, retry_delays=(0.2,), query_interval=0.01)
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


def test_keys_that_wait_for_their_turn_when_the_link_is_lost_are_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for the connection to be lost meanwhile.
    monkeypatch.setattr(input_queue, "KEY_INTERVAL_NS", 300_000_000)
    late = threading.Event()

    def sometimes_late(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            # What is not answered counts as lost; the next answer brings the connection back.
            if message["execute"] != "query-status" or not late.is_set():
                vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", sometimes_late) as vm:
        timeouts = MonitorTimeouts(connect=600, reply=0.1, query_interval=0.01)
        with monitor(vm.path, timeouts) as connection:
            until(lambda: ready(connection))
            late.set()
            # More than go at once: the last ones wait.
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
    """At once, before it is connected, while nobody answers, while nobody reads: no thread and no socket is left."""
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


def test_a_socket_that_is_not_there_yet_is_found_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    with monitor(path) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail == f"there is no QMP socket {path}"
        with FakeVm(path):
            until(lambda: ready(connection))
        until(lambda: lost(connection))
        until(lambda: connection.status.detail == f"nothing listens at the QMP socket {path}")


def test_a_socket_at_which_too_many_wait_already_does_not_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(tmp_path / "qmp"))
            with monitor(tmp_path / "qmp") as connection:
                until(lambda: lost(connection))
                assert "another client may be connected" in connection.status.detail


def test_a_path_longer_than_the_kernel_takes_is_connected_to(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    with FakeVm(tmp_path / "qmp") as vm, monitor(folder / "qmp") as connection:
        vm.path.rename(folder / "qmp")
        until(lambda: ready(connection))


def test_an_abstract_socket_is_connected_to() -> None:
    name = f"mdevview-test-{os.getpid()}"
    with FakeVm(Path(f"\0{name}")), monitor(UnixAddress(name, abstract=True)) as connection:
        until(lambda: ready(connection))


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1"])
def test_a_tcp_port_of_this_host_is_connected_to(tmp_path: Path, host: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with (
        FakeVm(tmp_path / "qmp", listener=listener),
        monitor(TcpAddress(host, listener.getsockname()[1])) as connection,
    ):
        until(lambda: ready(connection))


def test_a_host_that_nobody_knows_is_named() -> None:
    with monitor(TcpAddress("no-such-host.invalid", 1)) as connection:
        until(lambda: lost(connection))
        assert "no-such-host.invalid:1" in connection.status.detail


def test_a_vm_that_floods_its_client_is_hung_up_on(tmp_path: Path) -> None:
    def floods(_vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        client.hear()
        while True:
            client.say_bytes(b'{"return": {}}\r\n' * 500)

    with FakeVm(tmp_path / "qmp", floods) as vm, monitor(vm.path, MonitorTimeouts(retry_delays=(600,))) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail == "the VM's monitor sends more than anybody can read"


def test_a_vm_that_sends_little_but_large_is_hung_up_on(tmp_path: Path) -> None:
    """Each message holds up the window while it is parsed."""

    def bloats(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        vm.answer(client, client.hear())
        for _ in range(20):
            client.say({"event": "STOP", "data": {"x": [[]] * 15_000}})
        vm.answer(client, client.hear())

    with (
        FakeVm(tmp_path / "qmp", bloats) as vm,
        monitor(vm.path, MonitorTimeouts(connect=600, reply=600, retry_delays=(600,))) as connection,
    ):
        until(lambda: lost(connection))
        assert connection.status.detail == "the VM's monitor sends more than anybody can read"


def test_sending_takes_no_time_however_the_vm_is(tmp_path: Path) -> None:
    """Not a measurement: a call that waited for the VM would never return."""
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


def test_the_installed_package_is_one_in_which_the_limit_works() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert f"qemu.qmp {qmp.SUPPORTED}" in project["dependencies"]
    lowest, above = (each.split(" ")[1] for each in qmp.SUPPORTED.split(", "))
    installed = tuple(map(int, version("qemu.qmp").split(".")))
    assert tuple(map(int, lowest.split("."))) <= installed < tuple(map(int, above.split(".")))


@pytest.mark.parametrize("name", ["_readline", "_cb_inbound", "_cb_outbound"])
def test_without_a_limit_there_is_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A later version of the package may have other private methods."""
    monkeypatch.delattr(AsyncProtocol, name)
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        until(lambda: lost(connection))
        assert "cannot limit what a VM sends: install qemu.qmp >=" in connection.status.detail
        assert (vm.connections, vm.heard) == (0, [])


@pytest.mark.parametrize("name", ["_readline", "_cb_inbound", "_cb_outbound"])
def test_a_limit_that_the_package_goes_around_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def receive(self: QMPClient) -> Message:
        assert self._reader is not None
        return Message(await self._reader.readline())

    async def receive_unseen(self: QMPClient) -> Message:
        return await self._do_recv()

    async def send_unseen(self: QMPClient, message: Message) -> None:
        self._do_send(message)

    match name:
        case "_readline":
            monkeypatch.setattr(QMPClient, "_do_recv", receive)
        case "_cb_inbound":
            monkeypatch.setattr(QMPClient, "_recv", receive_unseen)
        case _:
            monkeypatch.setattr(QMPClient, "_send", send_unseen)
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, MonitorTimeouts(retry_delays=(600,))) as connection:
        until(lambda: lost(connection))
        assert "cannot limit what a VM sends" in connection.status.detail
        assert {each["execute"] for each in vm.heard} <= {"qmp_capabilities"}
