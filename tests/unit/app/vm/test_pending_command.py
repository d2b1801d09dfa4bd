"""A command is answered exactly once, whoever answers first."""

import pytest

from app.vm.monitor import Reply
from app.vm.pending_command import PendingCommand


def test_only_the_first_reply_is_handed_over() -> None:
    replies: list[Reply] = []
    command = PendingCommand("query-status", done=replies.append)
    command.answer(Reply("first"))
    command.answer(Reply(error="second"))
    assert replies == [Reply("first")]


def test_reply_that_asks_for_the_next_one_is_not_answered_again() -> None:
    """``done`` may close the monitor, which answers every command that waits."""
    replies: list[Reply] = []

    def done(reply: Reply) -> None:
        replies.append(reply)
        command.answer(Reply(error="closed"))

    command = PendingCommand("quit", done=done)
    command.answer(Reply("first"))
    assert replies == [Reply("first")]


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_error_in_the_reply_does_not_end_the_monitors_thread(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def done(_: Reply) -> None:
        raise error("a mistake")

    PendingCommand("quit", done=done).answer(Reply())
    assert [each.getMessage() for each in caplog.records] == ["the reply to quit was not handled"]
    caplog.clear()


def test_command_whose_reply_nobody_wants() -> None:
    PendingCommand("system_powerdown").answer(Reply(error="lost"))
