"""A process and its pidfd. With a pidfd, another process with the same pid is never mistaken for it."""

import errno
import os
import re
import select
from types import TracebackType
from typing import Self

from app.abi.pidfd import pidfd_getfd
from app.errors import NoSuchDevice, OpenFailed, ProcessGone, error_text
from app.host.paths import HOST, Paths, text_of
from app.host.proc import Stat, open_folder, parse_stat, read

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Process:
    """Owns a pidfd.

    The kernel does not give the pid to another process before this one has ended. So data that was read from
    ``/proc/PID`` after :meth:`open` is about this process if :meth:`ended` is false after the read.
    """

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._fd = pidfd
        self._ended = False
        self._poll = select.poll()
        self._poll.register(pidfd, select.POLLIN)

    @classmethod
    def open(cls, pid: int) -> Self:
        """Open the pidfd. Raises ProcessGone if no process has that pid, or it is a zombie.

        Raises NoSuchDevice for a thread, OpenFailed for a kernel or sandbox without pidfds and for too many open files.
        """
        try:
            process = cls(pid, os.pidfd_open(pid))
        except ProcessLookupError as error:
            raise ProcessGone(f"there is no process {pid}", "'mdevview list' shows which VMs run") from error
        except OSError as error:
            # pidfd_open(2) takes the pid of a process, but not the id of one of its other threads.
            if error.errno in (errno.EINVAL, errno.ENOENT):
                raise NoSuchDevice(f"{pid} is a thread of a process", "give the pid of the process") from error
            raise OpenFailed(f"process {pid} cannot be opened: {error_text(error)}", "see 'mdevview doctor'") from error
        if process.ended():
            process.close()
            raise ProcessGone(f"process {pid} has ended", "'mdevview list' shows which VMs run")
        return process

    def fileno(self) -> int:
        """The pidfd. It becomes readable when the process (all its threads) has ended. -1 after :meth:`close`."""
        return self._fd

    def ended(self) -> bool:
        """Whether it has ended: one poll(2) that does not wait. After :meth:`close` the last known answer."""
        if not self._ended and self._fd >= 0:
            self._ended = bool(self._poll.poll(0))
        return self._ended

    def duplicate(self, fd: int) -> int:
        """A duplicate of its fd, closed on exec. Raises OSError: EPERM, EBADF, or ESRCH if the process has ended."""
        return pidfd_getfd(self._fd, fd)

    def close(self) -> None:
        """Close the pidfd; more calls do nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_ending(pid: int, paths: Paths = HOST) -> bool:
    """Whether it is about to end: it has no memory and perhaps no files any more. False if that cannot be seen."""
    try:
        return _stat(pid, paths).is_ending
    except (OSError, ValueError, IndexError):
        return False


def has_ended(pid: int, started: int, paths: Paths = HOST) -> bool:
    """Whether the process that had this pid and started then (:func:`start_time`) has ended, or is about to.

    False if that cannot be seen.
    """
    try:
        stat = _stat(pid, paths)
    except (FileNotFoundError, ProcessLookupError):
        return True
    except (OSError, ValueError, IndexError):
        return False
    return stat.is_ending or stat.state in "ZX" or started not in (0, stat.started)


def is_another_users(pid: int, paths: Paths = HOST) -> bool:
    """Whether a process has the rights of another user, who might harm this program by its files. Raises OSError."""
    with open_folder(paths.proc / str(pid)) as folder:
        found = re.search(rb"^Uid:((?:\t\d+){4})", read("status", folder), re.M)
    return found is None or {int(each) for each in found[1].split()} != {os.geteuid()}


def start_time(pid: int, paths: Paths = HOST) -> int:
    """When the process started, in clock ticks since boot. With the pid it identifies a process until the next boot.

    Raises OSError, and ValueError or IndexError for invalid data.
    """
    return _stat(pid, paths).started


def _stat(pid: int, paths: Paths) -> Stat:
    with open_folder(paths.proc / str(pid)) as folder:
        return parse_stat(read("stat", folder))


def age_s_of(started: int, paths: Paths = HOST) -> float | None:
    """For how many seconds a process runs that started at ``started``, in clock ticks since boot (:func:`start_time`).

    By the host's uptime (proc_uptime(5)): both count the time of a suspended host. None if that cannot be read.
    """
    words = (text_of(paths.proc / "uptime") or "").split()
    try:
        return max(0.0, float(words[0]) - started / _TICKS_PER_S)
    except (ValueError, IndexError):
        return None
