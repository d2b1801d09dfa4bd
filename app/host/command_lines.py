"""Reads the command lines of processes, which may make a reader wait for ever.

A read of ``/proc/PID/cmdline`` takes the lock of the process's memory (access_remote_vm() in mm/memory.c). The process
can hold that lock as long as it likes, for example with a page fault that its own FUSE file system never answers. Other
files of a process have other locks (:mod:`app.host.stalled_reads`). So another thread reads the command lines. If it
stands still, it is left behind, and the command line counts as unreadable. A thread that was left behind ends with its
read, or with this program: the wait ends when the program is killed or exits.
"""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from app.host import proc
from app.host.paths import Paths

# A thread stands still if it has read no command line in this time. Another process that has a lot of memory may hold
# the lock for some milliseconds.
_STALL_S = 0.5
# So many threads may be left behind, and one call may take so long. After that only the command lines of this user's
# own processes are read.
_MOST_STUCK = 4
_LIMIT_S = 4.0
# All command lines of one call. Beyond it, only the start of each one is read.
_MAX_TOTAL = 4 << 20
_START = 1 << 12


@dataclass(frozen=True, slots=True)
class CommandLineText:
    """The command line of the process that had started at this time. ``is_cut`` says that it is longer."""

    started: int
    data: bytes
    is_cut: bool


@dataclass(slots=True)
class CommandLines:
    """``texts`` are the command lines that were read, by pid. ``unread`` are the pids of processes that are skipped.

    A process that has ended, or that this user may not see, is in neither.
    """

    texts: dict[int, CommandLineText] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)


def read_command_lines(
    pids: Collection[int], paths: Paths, accept: Callable[[bytes], bool] | None = None
) -> CommandLines:
    """Read the command lines of these processes. Waits some seconds at most, whatever the processes do.

    ``accept`` gets the start of a command line and tells whether it is wanted. The start is at most 4 KiB. After a
    process whose read stands still, the other processes of its user are skipped, unless it is this program's user.
    Raises OSError if this program can open no more files or start no more threads.
    """
    result = CommandLines()
    waiting = deque(pids)
    until = time.monotonic() + _LIMIT_S
    while waiting:
        reader = _Reader(waiting, result, paths, accept, until)
        reader.start()
        if not reader.finished():
            with _lock:
                _abandoned.append(reader)
    return result


class _Reader:
    """Owns the thread that reads. It takes the pids from ``waiting``, and adds to ``result`` until it stands still."""

    def __init__(
        self,
        waiting: deque[int],
        result: CommandLines,
        paths: Paths,
        accept: Callable[[bytes], bool] | None,
        until: float,
    ) -> None:
        stuck: list[_Reader] = _stuck_readers()
        self._waiting = waiting
        self._result = result
        self._paths = paths
        self._accept = accept
        self._until = until if len(stuck) < _MOST_STUCK else 0.0
        self._stuck_processes = {each.current for each in stuck}
        self._stuck_users = {each.uid for each in stuck} - {os.getuid()}
        self._left = _MAX_TOTAL - sum(len(each.data) for each in result.texts.values())
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._error: OSError | None = None
        self._count = 0
        self._is_abandoned = False
        self.current: tuple[int, int] = (0, 0)
        self.uid: int | None = None
        self.thread = threading.Thread(target=self._run, name="command-lines", daemon=True)

    def start(self) -> None:
        try:
            self.thread.start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error

    def finished(self) -> bool:
        """Wait until the thread has ended, or stands still. Returns False if it was left behind. Raises its OSError."""
        count = -1
        while not self._ended.wait(_STALL_S):
            with self._lock:
                if self._count == count:
                    self._is_abandoned = True
                    self._result.unread.add(self.current[0])
                    break
                count = self._count
        else:
            self.thread.join()
            if self._error is not None:
                raise self._error
            return True
        with suppress(FileNotFoundError), proc.open_folder(self._paths.proc / str(self.current[0])) as folder:
            self.uid = proc.read_uid(folder)
        # Hardly a scan comes here, and the import would make `mdevview list` slower by 4 ms.
        import logging  # noqa: PLC0415

        text = "process %d of user %s does not let its command line be read"
        logging.getLogger(__name__).info(text, self.current[0], self.uid)
        return False

    def _run(self) -> None:
        try:
            with proc.open_folder(self._paths.proc) as above:
                self._read_all(above)
        except FileNotFoundError:
            # This host has no processes.
            self._waiting.clear()
        except OSError as error:
            self._error = error
        finally:
            self._ended.set()

    def _read_all(self, above: int) -> None:
        while self._waiting:
            # Only one thread at a time takes from it: the next one starts when this one is left behind.
            pid = self._waiting.popleft()
            self.current = (pid, 0)
            text = self._read(pid, above)
            with self._lock:
                if self._is_abandoned:
                    return
                self._count += 1
                if text is not None:
                    self._left -= len(text.data)
                    self._result.texts[pid] = text

    def _read(self, pid: int, above: int) -> CommandLineText | None:
        """The command line of a process; None if it is not wanted or cannot be read."""
        try:
            with proc.open_folder(str(pid), above) as folder:
                stat = proc.read_stat(folder)
                started = stat.started if stat else 0
                self.current = (pid, started)
                if self._must_skip(folder):
                    self._result.unread.add(pid)
                    return None
                if self._accept is not None:
                    start, _ = proc.read_command_line(folder, _START)
                    if not self._accept(start):
                        return None
                limit = proc.MAX_COMMAND_LINE if self._left > 0 else _START
                return CommandLineText(started, *proc.read_command_line(folder, limit))
        except OSError as error:
            proc.raise_if_exhausted(error)
            return None

    def _must_skip(self, folder: int) -> bool:
        if self.current in self._stuck_processes:
            return True
        is_late = time.monotonic() > self._until
        if not is_late and not self._stuck_users:
            return False
        uid = proc.read_uid(folder)
        return uid in self._stuck_users or (is_late and uid != os.getuid())


_lock = threading.Lock()
_abandoned: list[_Reader] = []


def _stuck_readers() -> list[_Reader]:
    """The readers that were left behind, and whose reads have not ended yet."""
    with _lock:
        _abandoned[:] = [each for each in _abandoned if each.thread.is_alive()]
        return list(_abandoned)
