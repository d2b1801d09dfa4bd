"""Reads something of many processes, each of which may make the reader wait for ever.

A process that starts another program holds ``exec_update_lock`` while the kernel closes its files (begin_new_exec() in
fs/exec.c), and a file system of its own (FUSE) decides how long that takes. Some kernels take this lock for
``/proc/PID/stat`` and for the links of ``/proc/PID/fd`` (seen with 6.18.44). So another thread reads. If it stands
still, it is left behind. It ends with its read, or with this program: a wait for this lock ends at SIGKILL and at exit.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from app.host import proc
from app.host.paths import Paths

_T = TypeVar("_T")
# A thread stands still if it has read no process in this time.
_STALL_S = 0.5
# One call may take so long. After that only this user's own processes are read.
_LIMIT_S = 4.0


def read_each(pids: Iterable[int], read: Callable[[int, int], _T], paths: Paths) -> tuple[dict[int, _T], set[int]]:
    """Call ``read`` with each pid and the fd of ``/proc``. Returns the results, and the pids that were not read.

    After a process whose read stands still, the other processes of its user are skipped, unless it is this program's
    user. Raises what ``read`` raises, and OSError if no thread can be started.
    """
    results: dict[int, _T] = {}
    unread: set[int] = set()
    users: set[int | None] = set()
    waiting = deque(pids)
    until = time.monotonic() + _LIMIT_S
    while waiting:
        reader = _Reader(waiting, read, paths, users, time.monotonic() > until)
        reader.run()
        results.update(reader.results)
        unread |= reader.skipped
        if reader.stuck is not None:
            unread.add(reader.stuck)
            with _lock:
                _stuck.append(reader)
            users |= {_user(reader.stuck, paths)} - {os.getuid()}
    return results, unread


class _Reader(Generic[_T]):
    """Owns the thread, which takes from ``waiting``."""

    def __init__(
        self,
        waiting: deque[int],
        read: Callable[[int, int], _T],
        paths: Paths,
        users: Iterable[int | None],
        is_late: bool,
    ) -> None:
        self.results: dict[int, _T] = {}
        self.skipped: set[int] = set()
        self.stuck: int | None = None
        self._waiting = waiting
        self._read = read
        self._paths = paths
        self._users = frozenset(users)
        self._is_late = is_late
        self._known = {each.stuck for each in _still_stuck()}
        self._lock = threading.Lock()
        self._current = 0
        self._count = 0
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="host-scan", daemon=True)

    def run(self) -> None:
        """Wait until the thread has ended or stands still. Raises its error."""
        try:
            self.thread.start()
        except RuntimeError as error:
            raise OSError(str(error)) from error
        count = -1
        while True:
            self.thread.join(_STALL_S)
            with self._lock:
                if not self.thread.is_alive():
                    break
                if self._count == count:
                    self.stuck = self._current
                    return
                count = self._count
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with proc.open_folder(self._paths.proc) as folder:
                while self.stuck is None and self._waiting:
                    self._read_next(self._waiting.popleft(), folder)
        except BaseException as error:
            self._error = error

    def _read_next(self, pid: int, folder: int) -> None:
        self._current = pid
        if self._must_skip(pid):
            self.skipped.add(pid)
            self._count += 1
            return
        result = self._read(pid, folder)
        with self._lock:
            if self.stuck is None:
                self._count += 1
                self.results[pid] = result

    def _must_skip(self, pid: int) -> bool:
        if pid in self._known:
            return True
        if not self._is_late and not self._users:
            return False
        user = _user(pid, self._paths)
        return user in self._users or (self._is_late and user != os.getuid())


_lock = threading.Lock()
_stuck: "list[_Reader[Any]]" = []


def _still_stuck() -> "list[_Reader[Any]]":
    """The readers that were left behind, and whose reads have not ended yet."""
    with _lock:
        _stuck[:] = [each for each in _stuck if each.thread.is_alive()]
        return list(_stuck)


def _user(pid: int, paths: Paths) -> int | None:
    """The user of a process. Its ``status`` can always be read."""
    with suppress(OSError), proc.open_folder(paths.proc / str(pid)) as folder:
        return proc.read_uid(folder)
    return None
