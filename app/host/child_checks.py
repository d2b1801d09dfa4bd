"""Runs checks in processes of their own, all at once: a graphics driver may crash, or never return."""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from app.errors import error_text

_MOST_OUTPUT = 1 << 18
_PATIENCE_AFTER_KILL_S = 0.5
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class CheckEnd:
    """``output`` is what a check printed. ``fault`` says why it gave no answer; empty if it ended by itself with 0."""

    output: bytes = b""
    fault: str = ""


@dataclass(slots=True)
class _Running:
    process: "subprocess.Popen[bytes]"
    output: bytearray = field(default_factory=bytearray)
    closed: bool = False


class ChildChecks:
    """Owns the processes that it starts. :meth:`close` ends them; more calls do nothing."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._ends: dict[str, CheckEnd] = {}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program. If that fails, the check ends with that fault."""
        path = os.pathsep.join(each for each in sys.path if each)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": path} | dict(environment or {}),
                start_new_session=True,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            fault = error_text(error) if isinstance(error, OSError) else str(error)
            self._ends[name] = CheckEnd(fault=f"it cannot be started: {fault}")
        else:
            self._running[name] = _Running(process)

    def finish(self, limit_s: float) -> dict[str, CheckEnd]:
        """Wait until all checks have ended, ``limit_s`` seconds at most. Returns their ends by name."""
        until = time.monotonic() + limit_s
        while waiting := {name: each for name, each in self._running.items() if not each.closed}:
            left = until - time.monotonic()
            if left <= 0:
                break
            self._read(list(waiting.values()), left)
        for name, each in self._running.items():
            self._ends[name] = _end(each, limit_s, max(0.0, until - time.monotonic()))
        self._running.clear()
        return self._ends

    def close(self) -> None:
        for each in self._running.values():
            _kill(each.process)
        self._running.clear()

    @staticmethod
    def _read(running: Sequence[_Running], limit_s: float) -> None:
        poll = select.poll()
        by_fd = {}
        for each in running:
            assert each.process.stdout is not None
            by_fd[each.process.stdout.fileno()] = each
            poll.register(each.process.stdout.fileno(), select.POLLIN)
        for fd, _ in poll.poll(limit_s * 1000):
            chunk = os.read(fd, 1 << 16)
            by_fd[fd].output += chunk
            by_fd[fd].closed = not chunk or len(by_fd[fd].output) > _MOST_OUTPUT

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _end(running: _Running, limit_s: float, left_s: float) -> CheckEnd:
    """What the end of a process means. Kills it if it has not ended yet."""
    process = running.process
    output = bytes(running.output)
    if running.closed and len(output) <= _MOST_OUTPUT:
        # It has closed its output, and is about to end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(left_s, 2.0))
    status = process.poll()
    _kill(process)
    if len(output) > _MOST_OUTPUT:
        return CheckEnd(fault=f"it printed more than {_MOST_OUTPUT} bytes")
    if status is None:
        return CheckEnd(output, f"it did not end within {limit_s:g} s")
    if status < 0:
        try:
            return CheckEnd(output, f"it was ended by {signal.Signals(-status).name}")
        except ValueError:
            return CheckEnd(output, f"it was ended by signal {-status}")
    return CheckEnd(output, f"it ended with status {status}" if status else "")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of a process and its children. One that the kernel holds is left behind."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE_AFTER_KILL_S)
    if process.stdout is not None:
        process.stdout.close()


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
