"""A power action reaches the VM that the user was asked about, once, or the window says why it did not."""

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import pytest

from app.text.clean import clean_line
from app.vm.monitor import Reply
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.power import PowerAction
from tests.unit.app.vm.monitors import monitor, ready
from tests.unit.command import run_without_display
from tests.unit.qmp_server import GREETING, LONG_S, Client, FakeVm, Hangup, until

_TIMEOUTS = MonitorTimeouts(connect=LONG_S, reply=1.0, retry_delays=(0.01,), query_interval=600)


def _silent(_client: Client, _identity: object) -> None:
    pass


def _dead(_client: Client, _identity: object) -> None:
    raise Hangup


def _garbage(client: Client, _identity: object) -> None:
    client.say_bytes(b"\xff\0{]\r\n")


def _torn(client: Client, _identity: object) -> None:
    client.say_bytes(b'{"return": {}, "id": ')
    raise Hangup


def _of_another_command(client: Client, _identity: object) -> None:
    client.say({"return": {}, "id": "nobody's"})


def _long_winded(client: Client, identity: object) -> None:
    words = "<b>no</b>\x1b[31m\u202e " * 20_000
    client.say({"error": {"class": "GenericError", "desc": words}, "id": identity})


@pytest.mark.parametrize("answer", [_silent, _dead, _garbage, _torn, _of_another_command, _long_winded])
def test_reset_without_a_true_answer_is_an_error_and_is_sent_once(
    tmp_path: Path, answer: Callable[[Client, object], None]
) -> None:
    resets: list[object] = []

    def serve(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        while True:
            message = client.hear()
            if message["execute"] == PowerAction.RESET.value:
                resets.append(message)
                answer(client, message["id"])
            else:
                vm.answer(client, message)

    with FakeVm(tmp_path / "qmp", serve) as vm, monitor(vm.path, _TIMEOUTS) as connection:
        until(lambda: ready(connection))
        replies = SimpleQueue[Reply]()
        connection.power(PowerAction.RESET, replies.put)
        reply = replies.get(timeout=LONG_S)
        assert reply.error and len(clean_line(reply.error, 160)) <= 160
        # The connection that follows says nothing of it.
        until(lambda: ready(connection))
        connection.execute("query-status", done=replies.put)
        assert replies.get(timeout=LONG_S) and replies.empty()
    assert len(resets) == 1


def test_an_answer_to_a_question_about_one_vm_never_reaches_another() -> None:
    run_without_display("tests.attacks.programs.questions_outlived")
