"""Ends the connections of listeners when their program is stopped or does not read. guard.py runs it.

``python -ISB guard_program.py mdevview SOCKET_FD PID``: each packet on the socket brings one connection as a fd. The
end of the socket means that the program has ended. It imports nothing of this project.

At rest it sleeps in poll(). When something was sent to the program, it looks after 10 ms, and again while something
is unread.
"""

import array
import fcntl
import os
import select
import signal
import socket
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

_LOOK_MS = 10
# A debugger stops a program for moments, too.
_TRACED_LIMIT_S = 0.02
_UNREAD_LIMIT_S = 2.0
# The answers of the authentication: QEMU waits for each, and nothing may be unread meanwhile.
_FIRST_S = 2.0
_MOST = 256
# Without this a reader that is as fast as the sender would look like one that does not read.
_HEAD_BYTES = 64


class Watched:
    """Owns its copy of the connection. Times are seconds of time.monotonic()."""

    def __init__(self, connection: socket.socket, now: float) -> None:
        self.connection = connection
        self.look_until = now + _FIRST_S
        self.unread_since = now
        self.seen: tuple[int, bytes] = (0, b"")
        self.has_data = False

    def look(self, now: float) -> float:
        """For how many seconds nothing was read although something is there; 0 if all was read. Raises OSError."""
        unread = array.array("i", [0])
        fcntl.ioctl(self.connection, termios.FIONREAD, unread)
        before, self.seen = self.seen, (0, b"")
        if unread[0]:
            # All may have been read since.
            with suppress(BlockingIOError):
                # This also brings no fds: they need recvmsg().
                head = self.connection.recv(_HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                self.seen = (unread[0], head)
        self.has_data = bool(self.seen[0])
        if not self.has_data or self.seen[0] < before[0] or self.seen[1] != before[1]:
            self.unread_since = now
        return now - self.unread_since

    def end(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def main(program: socket.socket, pid: int) -> None:
    # It ends by itself. The end of a terminal or of a desktop session must not end it before.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    # What was inherited by mistake, a buffer or a terminal.
    os.closerange(3, program.fileno())
    os.closerange(program.fileno() + 1, 1 << 16)
    watched: dict[int, Watched] = {}
    while True:
        now = time.monotonic()
        busy = {fd for fd, each in watched.items() if each.has_data or now < each.look_until}
        poll = select.poll()
        poll.register(program, select.POLLIN)
        for fd in watched:
            poll.register(fd, select.POLLRDHUP if fd in busy else select.POLLRDHUP | select.POLLIN)
        for fd, events in poll.poll(_LOOK_MS if busy else None):
            if fd == program.fileno():
                if not _take(program, watched):
                    return
            elif events & ~select.POLLIN:
                # Closed by the VM or by the program.
                watched.pop(fd).connection.close()
            else:
                watched[fd].has_data = True
        _look(watched, busy, pid)


def _take(program: socket.socket, watched: dict[int, Watched]) -> bool:
    """Take a connection over. False if the program has ended."""
    try:
        data, fds, _, _ = socket.recv_fds(program, 16, 1)
    except OSError:
        return False
    for fd in fds:
        connection = socket.socket(fileno=fd)
        if len(watched) < _MOST:
            watched[fd] = Watched(connection, time.monotonic())
        else:
            connection.close()
    return bool(data)


def _look(watched: dict[int, Watched], busy: set[int], pid: int) -> None:
    """Look at the connections that had something ``_LOOK_MS`` ago, and at the program."""
    state = _state(pid) if busy & watched.keys() else ""
    now = time.monotonic()
    for fd in busy & watched.keys():
        try:
            unread_s = watched[fd].look(now)
        except OSError:
            watched.pop(fd).connection.close()
            continue
        if state == "T" or (state == "t" and unread_s >= _TRACED_LIMIT_S) or unread_s >= _UNREAD_LIMIT_S:
            watched.pop(fd).end()


def _state(pid: int) -> str:
    """The letter of proc_pid_stat(5): "T" for stopped, "t" for stopped by a debugger; "" if it cannot be read."""
    try:
        # The name before it may have any character.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1].decode("ascii", "replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3]))
    # The connections are closed with the process.
    os._exit(0)
