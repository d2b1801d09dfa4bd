"""A process that closes the sockets of listeners when this program is stopped or does not read.

QEMU waits in its main loop for some of a listener's answers, and its memory grows while nobody reads what it sends
(ui/dbus-listener.c). A program that is stopped (SIGSTOP, Ctrl-Z, a debugger) can do nothing about that, and must not
hold up a VM. So another process has the sockets, too. It looks at this program when something stays unread, and ends
the connections: QEMU goes on at once, and we register again later.

A signal to the process group does not stop it. Only who stops all processes at once (the freezer of a cgroup) stops
it, too.
"""

import fcntl
import logging
import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

from app.errors import error_text
from app.host.own_session import spawn_program

_LOG = logging.getLogger(__name__)
_PROGRAM = Path(__file__).with_name("guard_program.py")


class Guard:
    """Owns the process and the socket to it. It runs while somebody has acquired it and has sockets to watch.

    Methods may be called on any thread.
    """

    def __init__(self, program: Path = _PROGRAM) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._users = 0
        self._pid = 0
        self._connection: socket.socket | None = None
        self._is_warned = False

    @property
    def pid(self) -> int:
        """Of the process; 0 if there is none."""
        return self._pid

    def acquire(self) -> None:
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """The last one ends the process."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._end()

    def watch(self, connection: socket.socket) -> None:
        """Watch a socket until it is shut down. Warns once if the process cannot be started."""
        with self._lock:
            for _ in range(2):
                try:
                    if self._connection is None:
                        self._start()
                    self._send(connection)
                    return
                except OSError as error:
                    # Somebody has ended it: another one is started.
                    why = error_text(error)
                    self._end()
            if not self._is_warned:
                self._is_warned = True
                # The caller serves a VM, and must not wait for a terminal that takes no output. RuntimeError: this
                # user may have no more threads, which is perhaps why there is no process.
                with suppress(RuntimeError):
                    threading.Thread(target=_warn, args=(why,), name="guard-warning", daemon=True).start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = -1
        try:
            ours.setblocking(False)
            passed = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
            self._pid = spawn_program(self._program, [str(passed), str(os.getpid())], [passed])
            self._connection = ours
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            if passed >= 0:
                os.close(passed)

    def _send(self, connection: socket.socket) -> None:
        assert self._connection is not None
        socket.send_fds(self._connection, [b"watch"], [connection.fileno()], socket.MSG_NOSIGNAL)

    def _end(self) -> None:
        pid, self._pid = self._pid, 0
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            # A parent that ignores SIGCHLD has no children to wait for.
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _warn(why: str) -> None:
    _LOG.warning("while this program is stopped, a VM that it shows may stand still: %s", why)


GUARD = Guard()
"""This program's."""
