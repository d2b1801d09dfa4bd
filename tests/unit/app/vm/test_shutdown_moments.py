"""What happens just before or after a wait of the shutdown. A fake monitor and fake requests choose the moment."""

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import cast

import pytest

from app.qemu.qmp_address import UnixAddress
from app.vm.child import Child
from app.vm.monitor import ConnectionState, Monitor, MonitorStatus, Reply
from app.vm.shutdown import shut_down
from app.vm.shutdown_sequence import ShutdownStep, ShutdownTimeouts

_LONG = ShutdownTimeouts(60, 60, 60, 60)
# At SIGTERM it flushes its disks, until it is told that it may end.
_FLUSHING_VM = """
import os, signal, sys
reader, ready = map(int, sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: (os.read(reader, 1), sys.exit(0)))
os.write(ready, b"x")
while True:
    signal.pause()
"""


class _Requests:
    """One request to stop was made before. At the start of each wait it does the next of ``at_waits``."""

    def __init__(self) -> None:
        self.count = 1
        self.at_waits: list[Callable[[], object]] = []
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def ask(self) -> None:
        self.count += 1
        os.eventfd_write(self._fd, 1)

    def fileno(self) -> int:
        if self.at_waits:
            self.at_waits.pop(0)()
        return self._fd

    def clear(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class _Monitor:
    """Connecting, until a test sets its state. Its ``close`` does not wait for the replies."""

    def __init__(self) -> None:
        self.status = MonitorStatus(ConnectionState.CONNECTING)
        self.commands: list[str] = []
        self.replies: list[Callable[[Reply], None]] = []
        self.changed: Callable[[], None] = lambda: None

    def open(self, _address: object, changed: Callable[[], None]) -> Monitor:
        self.changed = changed
        return cast(Monitor, self)

    def set(self, state: ConnectionState) -> None:
        self.status = MonitorStatus(state)
        self.changed()

    def execute(self, command: str, done: Callable[[Reply], None]) -> None:
        self.commands.append(command)
        self.replies.append(done)

    def close(self) -> None:
        pass


class _Case:
    def __init__(self) -> None:
        self.requests, self.monitor = _Requests(), _Monitor()
        reader, self._writer = os.pipe()
        is_ready, ready = os.pipe()
        command = [sys.executable, "-S", "-c", _FLUSHING_VM, str(reader), str(ready)]
        self.child = Child.start(command, (reader, ready))
        os.close(ready)
        assert os.read(is_ready, 1)
        os.close(is_ready)
        os.close(reader)

    def ask_while(self, state: ConnectionState) -> None:
        """Request to stop again, and set the monitor's state: one wait sees both."""
        self.requests.ask()
        self.monitor.set(state)

    def let_end(self) -> None:
        os.write(self._writer, b"x")

    def kill(self) -> None:
        self.child.send(signal.SIGKILL)

    def shut_down(self) -> tuple[int | None, ShutdownStep | None]:
        address = UnixAddress("/none")
        return shut_down(self.child, address, self.requests, lambda _line: None, _LONG, self.monitor.open)

    def close(self) -> None:
        self.kill()
        self.child.wait(60)
        self.child.close()
        self.requests.close()
        os.close(self._writer)


@pytest.fixture
def case() -> Iterator[_Case]:
    case = _Case()
    try:
        yield case
    finally:
        case.close()


@pytest.mark.parametrize("state", [ConnectionState.CONNECTING, ConnectionState.LOST])
def test_request_that_ends_the_wait_for_the_monitor_does_not_kill_qemu_while_it_flushes(
    case: _Case, state: ConnectionState
) -> None:
    """QEMU closes its monitor at SIGTERM, before it flushes."""
    lose = partial(case.monitor.set, ConnectionState.LOST)
    case.requests.at_waits = [partial(case.ask_while, state), lose, case.let_end]
    assert case.shut_down() == (0, ShutdownStep.TERMINATE)


def test_request_made_just_before_the_monitor_is_ready_quits_at_once(case: _Case) -> None:
    told: list[str] = []

    def stop_waiting() -> None:
        told.extend(case.monitor.commands)
        case.kill()

    case.requests.at_waits = [partial(case.ask_while, ConnectionState.READY), stop_waiting]
    assert case.shut_down() == (-signal.SIGKILL, ShutdownStep.QUIT)
    assert told == ["system_powerdown", "quit"]


def test_reply_after_the_end_is_written_to_no_other_file(case: _Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor waits only some seconds for its thread."""
    made, eventfd = list[int](), os.eventfd

    def record(value: int, flags: int) -> int:
        made.append(eventfd(value, flags))
        return made[-1]

    case.requests.at_waits = [partial(case.monitor.set, ConnectionState.READY), case.kill]
    with monkeypatch.context() as patch:
        patch.setattr(os, "eventfd", record)
        case.shut_down()
    (number,) = made
    file = os.memfd_create("another file")
    same = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, number) if file != number else file
    try:
        assert same == number
        case.monitor.replies[0](Reply(error="no answer"))
        assert os.fstat(file).st_size == 0
    finally:
        for each in {file, same}:
            os.close(each)
