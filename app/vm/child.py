"""The process of a VM that was started here."""

import errno
import os
import select
import signal
from collections.abc import Mapping, Sequence
from typing import Self

from app.errors import MdevviewError, PermissionDenied, UsageError, error_text


class Child:
    """Owns a child process: it is reaped by :meth:`poll`, and left running by :meth:`close`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        # The pid is this child's until it is reaped.
        self._pidfd = os.pidfd_open(pid)
        self._status: int | None = None

    @classmethod
    def start(
        cls, arguments: Sequence[str], fds: Sequence[int] = (), environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start a program, found as a shell does; ``fds`` are open there under the same numbers.

        Its standard files are this process's own, and its session is a new one: what the terminal sends to its
        foreground, Ctrl-C first of all, reaches the VM only through us, while a monitor or a console on standard
        input works as ever. Raises UsageError, PermissionDenied or MdevviewError.
        """
        for fd in fds:
            os.set_inheritable(fd, True)
        try:
            # Python ignores these two, which a program would inherit.
            ignored = [signal.SIGPIPE, signal.SIGXFSZ]
            variables = os.environ if environment is None else environment
            return cls(os.posix_spawnp(arguments[0], list(arguments), variables, setsid=True, setsigdef=ignored))
        except OSError as error:
            raise _not_started(error, arguments[0]) from error
        finally:
            for fd in fds:
                os.set_inheritable(fd, False)

    def fileno(self) -> int:
        """The pidfd, readable once the child ended; -1 once closed."""
        return self._pidfd

    def poll(self) -> int | None:
        """Its exit status, the number of the signal that killed it negated, or None while it runs."""
        if self._status is None and self._pidfd >= 0:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, seconds: float) -> int | None:
        """The same, after waiting for its end so long."""
        if self._status is None and self._pidfd >= 0:
            ended = select.poll()
            ended.register(self._pidfd, select.POLLIN)
            ended.poll(max(0.0, seconds) * 1000)
        return self.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended. Raises PermissionError for another user's process."""
        if self.poll() is None and self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Let go of it, whether it runs or not; more calls do nothing."""
        fd, self._pidfd = self._pidfd, -1
        if fd >= 0:
            os.close(fd)


def _not_started(error: OSError, program: str) -> MdevviewError:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return UsageError(f"there is no program {program!r}", "the VM's command line follows the --")
        case errno.EACCES | errno.EPERM:
            return PermissionDenied(f"{program}: permission denied", "is it a program, and may you run it?")
        case errno.ENOEXEC:
            return UsageError(f"{program} is no program", "a script needs a first line such as #!/bin/sh")
    return MdevviewError(f"{program}: {error_text(error)}", "the VM was not started")
