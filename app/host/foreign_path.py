"""Uses a path that another user's process names, in a child which may wait for ever in this program's place.

The path may lead to a file system that never answers: FUSE, whose server is any user's process, or a network file
system. A program that waits for it cannot even be killed. A file system of FUSE answers other users only if it was
mounted with ``allow_other`` (fuse_allow_current_process() in fs/fuse/dir.c).
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from app.host import foreign_path_program
from app.host.paths import HOST, Paths
from app.host.process import is_another_users

if TYPE_CHECKING:
    import subprocess

LIMIT_S = 3.0
"""The time for an answer in seconds."""

_ENDING_S = 0.5
# So many children may wait for ever. After that no more are started.
_MOST_STUCK = 4
_MAX_MESSAGE = 256

# Children that did not end.
_stuck: "list[subprocess.Popen[bytes]]" = []


@dataclass(frozen=True, slots=True)
class FileLook:
    """What stat(2) tells of a file, and whether this user may write to it."""

    mode: int
    uid: int
    gid: int
    device: int
    inode: int
    may_write: bool


def look(path: str, pid: int, paths: Paths = HOST, until: float | None = None) -> FileLook:
    """Look at a file that the process ``pid`` names. Only one of this user's own processes is trusted.

    Raises OSError: the kernel's error, or TimeoutError after LIMIT_S seconds, or at ``until`` (time.monotonic()).
    """
    if not is_foreign(pid, paths):
        return _file_look(foreign_path_program.look(path))
    left = LIMIT_S if until is None else until - time.monotonic()
    if left <= 0:
        raise _timeout()
    with PathChild("look", path) as child:
        message, _ = child.receive(left)
    return _file_look(int(each) for each in message.split()[1:])


def _file_look(numbers: Iterable[int]) -> FileLook:
    mode, uid, gid, device, inode, may_write = numbers
    return FileLook(mode, uid, gid, device, inode, bool(may_write))


def is_foreign(pid: int, paths: Paths = HOST) -> bool:
    """Whether a process is another user's, or may be."""
    try:
        return is_another_users(pid, paths)
    except OSError:
        return True


class PathChild:
    """Owns the child and the socket for its answer, which can be received when :meth:`fileno` is readable.

    Raises OSError if the child cannot be started, and TimeoutError if too many others still wait.
    """

    def __init__(self, word: str, path: str) -> None:
        import subprocess  # noqa: PLC0415  (most commands do not need it)

        _reap()
        if len(_stuck) >= _MOST_STUCK:
            raise _timeout()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._child = subprocess.Popen(
                    [sys.executable, "-ISB", foreign_path_program.__file__, word, path],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                )
            except BaseException:
                self._socket.close()
                raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self, timeout_s: float) -> tuple[bytes, socket.socket | None]:
        """The answer and the connected socket, which belongs to the caller. Raises OSError, TimeoutError too."""
        self._socket.settimeout(timeout_s)
        try:
            message, ancillary, _, _ = self._socket.recvmsg(_MAX_MESSAGE, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        except (TimeoutError, BlockingIOError):
            raise _timeout() from None
        connection = None
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                connection = socket.socket(fileno=int.from_bytes(data[:4], sys.byteorder))
        if not message.startswith(b"ok"):
            code = int(message) if message.isdigit() else errno.EIO
            raise OSError(code, os.strerror(code))
        return message, connection

    def close(self) -> None:
        """End the child, or leave it to itself if it does not end. More calls do nothing."""
        import subprocess  # noqa: PLC0415

        if self._socket.fileno() < 0:
            return
        self._socket.close()
        self._child.kill()
        try:
            self._child.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            _stuck.append(self._child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reap() -> None:
    for each in tuple(_stuck):
        if each.poll() is not None:
            _stuck.remove(each)


def _timeout() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
