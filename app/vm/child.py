"""The process of a VM that this program started."""

import errno
import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

from app.errors import MdevviewError, PermissionDenied, UsageError, error_text


class Child:
    """Owns a child process: :meth:`poll` reaps it, :meth:`close` leaves it running."""

    def __init__(self, pid: int) -> None:
        """``pid`` is a child that was not reaped yet. Raises OSError if it cannot be watched."""
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._status: int | None = None

    @classmethod
    def start(
        cls, arguments: Sequence[str], fds: Sequence[int] = (), environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start a program; it is searched in PATH. ``fds`` are open in it under the same numbers.

        It gets the standard files of this process and its own session. So the terminal sends Ctrl-C only to this
        process, while a monitor or a console on standard input still works.
        Raises UsageError, PermissionDenied or MdevviewError; then no process is left running.
        """
        # Python ignores these two signals, and a program would inherit that.
        ignored = [signal.SIGPIPE, signal.SIGXFSZ]
        # A copy of a fd to its own number clears FD_CLOEXEC in the new process only (glibc 2.29 and later).
        passed = [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in fds]
        variables = os.environ if environment is None else environment
        try:
            pid = os.posix_spawnp(
                arguments[0], list(arguments), variables, file_actions=passed, setsid=True, setsigdef=ignored
            )
        except OSError as error:
            raise _start_error(error, arguments[0]) from error
        try:
            return cls(pid)
        except ProcessLookupError as error:
            # The kernel reaped it, see poll(): its pid may be another process's by now.
            raise MdevviewError(f"{arguments[0]} ended at once", "its messages are above") from error
        except BaseException as error:
            _kill(pid)
            if isinstance(error, OSError):
                text = f"{arguments[0]} was started but cannot be watched: {error_text(error)}"
                raise MdevviewError(text, "it was killed at once") from error
            raise

    def fileno(self) -> int:
        """The pidfd. It is readable after the end of the child. -1 after :meth:`close`."""
        return self._pidfd

    def poll(self) -> int | None:
        """Its exit status, or the negative number of the signal that killed it; None while it runs."""
        if self._status is None and self._pidfd >= 0:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Our parent made us ignore SIGCHLD, so the kernel reaped it: its status is lost (as in subprocess).
                self._status = 0
            else:
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, seconds: float) -> int | None:
        """Wait at most so long for its end, then return :meth:`poll`."""
        if self._status is None and self._pidfd >= 0:
            ended = select.poll()
            ended.register(self._pidfd, select.POLLIN)
            ended.poll(max(0.0, seconds) * 1000)
        return self.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended or is closed. Raises PermissionError if it changed its user."""
        if self.poll() is None and self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Stop watching it, whether it runs or not; more calls do nothing."""
        fd, self._pidfd = self._pidfd, -1
        if fd >= 0:
            os.close(fd)


def _kill(pid: int) -> None:
    """Kill and reap a child that nothing watches. Its pid is not reused before it is reaped."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _start_error(error: OSError, program: str) -> MdevviewError:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return UsageError(f"there is no program {program!r}", "write the VM's command line after --")
        case errno.EACCES | errno.EPERM:
            return PermissionDenied(f"{program}: permission denied", "is it a program, and may you run it?")
        case errno.ENOEXEC:
            return UsageError(f"{program} is no program", "a script needs a first line such as #!/bin/sh")
    return MdevviewError(f"{program}: {error_text(error)}", "the VM was not started")
