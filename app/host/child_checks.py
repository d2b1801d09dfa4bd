"""Runs checks in processes of their own, all at once: a graphics driver may crash, or never return."""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from app.errors import error_text

_MOST_OUTPUT = 1 << 18
_LOOK_S = 0.01
_PATIENCE_AFTER_KILL_S = 0.5
_PATIENCE_AFTER_OUTPUT_S = 2.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class CheckEnd:
    """``output`` is what a check printed. ``fault`` says why it gave no answer; empty if it ended by itself with 0."""

    output: bytes = b""
    fault: str = ""


@dataclass(slots=True)
class _Running:
    """``output`` is the fd of the pipe that the process prints to; the owner of this object closes it."""

    pid: int
    output: int
    printed: bytearray = field(default_factory=bytearray)
    closed: bool = False


class ChildChecks:
    """Owns the processes that it starts. :meth:`close` ends them; more calls do nothing."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._ends: dict[str, CheckEnd] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a program. If that fails, the check ends with that fault."""
        try:
            self._running[name] = _spawn(command)
        except OSError as error:
            self._ends[name] = CheckEnd(fault=f"it cannot be started: {error_text(error)}")

    def finish(self, limit_s: float) -> dict[str, CheckEnd]:
        """Wait until all checks have ended, ``limit_s`` seconds at most. Returns their ends by name.

        Raises OSError if their output cannot be read.
        """
        until = time.monotonic() + limit_s
        while waiting := [each for each in self._running.values() if not each.closed]:
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            _read(waiting, left_s)
        while self._running:
            name = next(iter(self._running))
            each = self._running.pop(name)
            self._ends[name] = _end(each, limit_s, max(0.0, until - time.monotonic()))
        return self._ends

    def close(self) -> None:
        while self._running:
            _, each = self._running.popitem()
            _release(each, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _spawn(command: Sequence[str]) -> _Running:
    """Start a program in a session of its own. It gets no fd but the standard ones. Raises OSError."""
    path = os.pathsep.join(each for each in sys.path if each)
    output, theirs = os.pipe()
    try:
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, theirs, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        environment = os.environ | {"PYTHONPATH": path}
        pid = os.posix_spawnp(command[0], [*command], environment, file_actions=actions, setsid=True)
    except BaseException:
        os.close(output)
        raise
    finally:
        os.close(theirs)
    return _Running(pid, output)


def _read(running: Sequence[_Running], limit_s: float) -> None:
    """Wait for output of one of them, and read it. Raises OSError."""
    poll = select.poll()
    by_fd = {each.output: each for each in running}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    for fd, _ in poll.poll(limit_s * 1000):
        chunk = os.read(fd, 1 << 16)
        each = by_fd[fd]
        each.printed += chunk
        each.closed = not chunk or len(each.printed) > _MOST_OUTPUT


def _end(running: _Running, limit_s: float, left_s: float) -> CheckEnd:
    """What the end of a process means. Kills it if it has not ended yet."""
    output = bytes(running.printed)
    too_long = len(output) > _MOST_OUTPUT
    status = None
    if running.closed and not too_long:
        # It has closed its output, and is about to end.
        status = _wait(running.pid, min(left_s, _PATIENCE_AFTER_OUTPUT_S))
    _release(running, status)
    if too_long:
        return CheckEnd(fault=f"it printed more than {_MOST_OUTPUT} bytes")
    if status is None:
        return CheckEnd(output, f"it did not end within {limit_s:g} s")
    if status < 0:
        try:
            return CheckEnd(output, f"it was ended by {signal.Signals(-status).name}")
        except ValueError:
            return CheckEnd(output, f"it was ended by signal {-status}")
    return CheckEnd(output, f"it ended with status {status}" if status else "")


def _wait(pid: int, limit_s: float) -> int | None:
    """Its exit status, or the negative number of the signal that ended it. None if it does not end in this time."""
    until = time.monotonic() + limit_s
    while True:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            # This program ignores SIGCHLD, so the kernel has reaped it.
            return 0
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(_LOOK_S)


def _release(running: _Running, status: int | None) -> None:
    """Close the pipe, and kill what has not ended. A process that the kernel holds is left behind."""
    os.close(running.output)
    if status is None:
        # Its number still belongs to it, and to the children of its session, because it was not reaped.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.pid, signal.SIGKILL)
        _wait(running.pid, _PATIENCE_AFTER_KILL_S)


def prepare_child(parent: int) -> int:
    """Called in the process of a check: it ends with its parent, and leaves no core file.

    Returns a duplicate of standard output for the answer. What libraries print to standard output goes nowhere.
    """
    import resource  # noqa: PLC0415

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return answers


def answer_of_child(answers: int, text: str) -> None:
    """Write the answer and end the process. Python's own end would run the driver's exit handlers."""
    data = text.encode()
    while data:
        data = data[os.write(answers, data) :]
    os._exit(0)
