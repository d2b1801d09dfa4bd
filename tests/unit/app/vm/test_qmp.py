"""What a VM says on its QMP socket: its state, replies to commands, and anything else."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.vm.monitor import ConnectionState, MonitorStatus, PointingDevice, Reply
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_timeouts import MonitorTimeouts
from tests.unit.app.vm.monitors import A, lost, monitor, ready
from tests.unit.qmp_server import GREETING, MOUSE, TABLET, Client, FakeVm, Hangup, Script, until


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
    with FakeVm(tmp_path / "qmp") as vm:
        del vm.answers["query-status"], vm.answers["query-mice"]
        with monitor(vm.path) as connection:
            until(lambda: ready(connection))
            assert connection.status == MonitorStatus(ConnectionState.READY)
            connection.send(A)
            until(lambda: vm.events)


def test_commands_are_answered_once_whatever_their_result(tmp_path: Path) -> None:
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


def test_a_command_that_the_vm_does_not_answer_fails(tmp_path: Path) -> None:
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


# How far the connection has come.
CONNECTED, GREETED, ASKED = range(3)


def _says(stage: int, data: bytes) -> Script:
    """Send ``data`` at this stage, and nothing after it."""

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
        (
            CONNECTED,
            b"QEMU 10.0.2 monitor - type 'help' for more information\r\n(qemu) ",
            "QEMU's human monitor: mdevview needs the one of -qmp",
        ),
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
        (ASKED, b"hello\r\n", "sends invalid data"),
        (ASKED, b"[" * 100_000 + b"\r\n", "sends invalid data"),
        (ASKED, b"x" * 3_000_000, "sends invalid data"),
        (ASKED, b'{"id": [1]}\r\n', "sends invalid data"),
        (ASKED, b'{"error": 3}\r\n', "sends invalid data"),
        (ASKED, b'{"id": "__qmp#00000"}\r\n', "sends invalid data"),
        (ASKED, b'{"id": "__qmp#00000", "error": 5}\r\n', "sends invalid data"),
        (ASKED, b'{"id": "__qmp#00000", "return": 5}\r\n', "query-status is invalid"),
        (ASKED, b'{"event": {"a": 1}}\r\n', "sends invalid data"),
    ],
)
def test_a_peer_that_is_no_qmp_monitor_is_described_in_one_line(
    tmp_path: Path, stage: int, said: bytes, words: str
) -> None:
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
def test_any_bytes_are_only_a_reason_why_the_connection_is_lost(tmp_path: Path, stage: int, garbage: bytes) -> None:
    path = tmp_path / "qmp"
    path.unlink(missing_ok=True)
    with FakeVm(path, _says(stage, garbage)) as vm, monitor(vm.path) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail
