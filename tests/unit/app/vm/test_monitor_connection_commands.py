"""Every command is answered exactly once, whatever fails and whenever."""

import asyncio
import atexit
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.input.event import Key
from app.vm.monitor import ConnectionState, Reply
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.peer import CommandError, ConnectionLost, ProtocolError
from app.vm.power import PowerAction
from tests.unit.qmp_server import until

TIMEOUTS = MonitorTimeouts(connect=600, reply=600, retry_delays=(600,), query_interval=600, close=0.01)
FAILED = "an error in this program: see its log"
STATE = {"query-status": {"status": "running"}, "query-mice": [], "input-send-event": {}}
ERRORS: dict[str, BaseException] = {
    "refused": CommandError("no way"),
    "invalid": ProtocolError("nonsense"),
    "lost": ConnectionLost("gone"),
    "late": TimeoutError(),
    "bug": ValueError("a bug"),
    "exit": SystemExit(3),
}


class FakePeer:
    """A VM whose commands are named after what they do. ``bug`` makes everything fail that is under way."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.bug = asyncio.Event()
        self.started = 0
        # When the commands of the name "slow" came, and when they were answered.
        self.times: list[tuple[int, int]] = []

    async def execute(self, command: str, _arguments: Mapping[str, Any] | None) -> Any:
        if command == self.failing:
            raise ValueError("a bug")
        if command in STATE:
            return STATE[command]
        self.started += 1
        if command == "slow":
            asked = time.monotonic_ns()
            await asyncio.sleep(0.002)
            self.times.append((asked, time.monotonic_ns()))
        if command in ERRORS:
            raise ERRORS[command]
        if command == "hang":
            await asyncio.Event().wait()
        return {}

    async def power(self, action: PowerAction) -> None:
        raise ConnectionLost("the VM has ended")

    async def wait_for_event(self) -> None:
        await self.bug.wait()
        raise ValueError("a bug")

    async def wait_closed(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError


class Commands:
    """The commands given to a monitor, and how often each was answered."""

    def __init__(self, failing: str = "") -> None:
        self.peers: list[FakePeer] = []
        self.replies: list[list[Reply]] = []
        self._failing = failing
        self.monitor = MonitorConnection(self._connect, "no answer", lambda: None, TIMEOUTS)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[FakePeer]:
        if self._failing == "connect":
            raise ValueError("a bug")
        if self._failing == "refuse":
            raise ConnectionLost("nobody is there")
        peer = FakePeer(self._failing)
        self.peers.append(peer)
        yield peer
        if self._failing == "disconnect":
            raise ValueError("a bug")

    def execute(self, name: str, after: Callable[[], object] = lambda: None) -> None:
        replies: list[Reply] = []
        self.replies.append(replies)

        def done(reply: Reply) -> None:
            replies.append(reply)
            after()

        self.monitor.execute(name, done=done)

    def break_thread(self) -> None:
        """What is under way raises an error that nobody expects, and the monitor's thread ends."""
        for peer in self.peers:
            loop = self.monitor._loop
            if loop is not None:
                loop.call_soon_threadsafe(peer.bug.set)

    def until_ready(self) -> None:
        until(lambda: self.monitor.status.state is ConnectionState.READY)

    def until_failed(self) -> None:
        until(lambda: not self.monitor._thread.is_alive())


@contextmanager
def commands(failing: str = "") -> Iterator[Commands]:
    subject = Commands(failing)
    try:
        yield subject
    finally:
        subject.monitor.close()
        assert not subject.monitor._thread.is_alive()
        for replies in subject.replies:
            assert len(replies) == 1, subject.replies


def test_a_vm_that_ends_before_it_answers_was_forced_off() -> None:
    replies: list[Reply] = []
    with commands() as subject:
        subject.until_ready()
        for action in (PowerAction.FORCE_OFF, PowerAction.RESET):
            subject.monitor.power(action, replies.append)
        until(lambda: len(replies) == 2)
    assert replies == [Reply(), Reply(error="the connection to the VM was lost")]


@pytest.mark.parametrize(("failing", "error"), [("", None), ("refuse", "nobody is there")])
def test_a_command_waits_for_the_first_connection(failing: str, error: str | None) -> None:
    """A monitor may be opened for its first command."""
    for _ in range(5):
        with commands(failing) as subject:
            subject.execute("fine")
            until(lambda: subject.replies[0])
            assert subject.replies[0][0].error == error


def test_nothing_is_forced_off_by_a_monitor_that_is_not_connected() -> None:
    replies: list[Reply] = []
    with commands("refuse") as subject:
        until(lambda: subject.monitor.status.state is ConnectionState.LOST)
        subject.monitor.power(PowerAction.FORCE_OFF, replies.append)
        until(lambda: replies == [Reply(error="nobody is there")])


def fail() -> None:
    raise ValueError("a bug of whoever asked")


@pytest.mark.parametrize("failing", ["connect", "query-status", "query-mice"])
def test_commands_after_the_thread_failed_are_refused(failing: str, caplog: pytest.LogCaptureFixture) -> None:
    with commands(failing) as subject:
        subject.execute("early")
        subject.until_failed()
        subject.execute("late")
        subject.execute("late", after=fail)
        assert subject.replies[1] == [Reply(error=FAILED)]
        assert subject.monitor.status.detail == FAILED
        subject.monitor.close()
        subject.execute("after closing")
    assert "the VM's monitor failed" in caplog.messages
    caplog.clear()


def test_a_command_under_way_when_the_thread_fails_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    with commands() as subject:
        subject.until_ready()
        subject.execute("hang")
        until(lambda: subject.peers[0].started)
        subject.break_thread()
        subject.until_failed()
        assert subject.replies == [[Reply(error=FAILED)]]
    caplog.clear()


def test_no_thread_no_event_loop_and_still_an_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_fd_left() -> asyncio.AbstractEventLoop:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(asyncio.events, "new_event_loop", no_fd_left)
    with commands() as subject:
        subject.execute("early")
        subject.until_failed()
        subject.execute("late")
        assert subject.monitor.status.detail == FAILED
    caplog.clear()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("refused", "no way"),
        ("invalid", "nonsense"),
        ("lost", "the connection to the VM was lost"),
        ("late", "the VM does not answer"),
        ("bug", FAILED),
    ],
)
def test_a_command_that_fails_is_answered_at_once_and_the_others_go_on(
    name: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    with commands() as subject:
        subject.until_ready()
        subject.execute("hang")
        subject.execute(name)
        until(lambda: subject.replies[1])
        assert subject.replies == [[], [Reply(error=error)]]
        subject.execute("fine")
        until(lambda: subject.replies[2])
        assert subject.replies[2] == [Reply({})]
    caplog.clear()


def test_whoever_asked_may_fail_ask_again_or_close(caplog: pytest.LogCaptureFixture) -> None:
    with commands() as subject:
        subject.until_ready()
        subject.execute("fine", after=fail)
        subject.execute("fine", after=lambda: subject.execute("fine"))
        subject.execute("fine", after=sys.exit)
        until(lambda: len(subject.replies) == 4 and all(subject.replies))
        subject.execute("fine", after=subject.monitor.close)
        subject.until_failed()
        subject.execute("late", after=fail)
    caplog.clear()


ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["fine", "hang", *ERRORS]), st.sampled_from(["", "fail", "again", "close", "exit"])),
    st.sampled_from([("ready", ""), ("break", ""), ("input", ""), ("close", ""), ("pause", "")]),
)


@given(st.sampled_from(["", "", "connect", "refuse", "disconnect", "query-mice"]), st.lists(ACTIONS, max_size=12))
def test_every_command_is_answered_once_at_any_moment(failing: str, actions: list[tuple[str, str]]) -> None:
    logging.disable()
    try:
        with commands(failing) as subject:
            after: dict[str, Callable[[], object]] = {
                "": lambda: None,
                "fail": fail,
                "again": lambda: subject.execute("fine"),
                "close": lambda: subject.monitor.close(wait=False),
                "exit": sys.exit,
            }
            for name, then in actions:
                match name:
                    case "ready" if failing in ("", "disconnect") and not subject.monitor._closed:
                        until(lambda: subject.monitor.status.state is not ConnectionState.CONNECTING)
                    case "break":
                        subject.break_thread()
                    case "input":
                        subject.monitor.send([Key("a", True)])
                    case "close":
                        subject.monitor.close(wait=False)
                    case "ready" | "pause":
                        threading.Event().wait(0.001)
                    case _:
                        subject.execute(name, after[then])
    finally:
        logging.disable(logging.NOTSET)


def test_a_program_that_ends_waits_for_a_monitor_that_is_being_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[Callable[[], object]] = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    monkeypatch.setattr(atexit, "unregister", at_exit.remove)
    with commands() as subject:
        subject.until_ready()
        subject.monitor.close(wait=False)
        for each in list(at_exit):
            each()
        assert not subject.monitor._thread.is_alive()
        assert at_exit == []


def test_reply_tells_when_its_command_was_sent_and_answered() -> None:
    with commands() as subject:
        subject.until_ready()
        before = time.monotonic_ns()
        subject.execute("slow")
        subject.execute("refused")
        until(lambda: all(subject.replies))
        after = time.monotonic_ns()
        (answered,), (refused,) = subject.replies
        ((asked, done),) = subject.peers[0].times
        assert answered.sent_ns is not None
        assert answered.received_ns is not None
        assert before <= answered.sent_ns <= asked < done <= answered.received_ns <= after
        assert (refused.sent_ns, refused.received_ns) == (None, None)
