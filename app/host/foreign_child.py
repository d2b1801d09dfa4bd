"""A child that does what may wait for ever in this program's place, and answers through a socket.

A file of another user may be on a file system that never answers (FUSE). Whoever waits for it cannot even be killed.
So a child waits. It is a program of the standard library alone, which starts quickly. Its standard input is a socket;
it sends one message, with a fd or without: a number is the kernel's error.
"""

import errno
import os
import socket
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from app.host.reaping import reap_ended

if TYPE_CHECKING:
    import subprocess

_ENDING_S = 0.5
# So many children may wait for ever. After that no more are started.
_MOST_STUCK = 4
_MAX_MESSAGE = 256

# Children that did not end.
_stuck: "list[subprocess.Popen[bytes]]" = []


class ForeignChild:
    """Owns the child and the socket for its answer, which can be received when :meth:`fileno` is readable.

    Raises OSError if the child cannot be started, and TimeoutError if too many others still wait.
    """

    def __init__(self, program: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> None:
        import subprocess  # noqa: PLC0415  (most commands do not need it)

        reap_ended(_stuck)
        if len(_stuck) >= _MOST_STUCK:
            raise _timeout()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._child = subprocess.Popen(
                    [sys.executable, "-ISB", program, *arguments],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    pass_fds=pass_fds,
                )
            except BaseException:
                self._socket.close()
                raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self, timeout_s: float) -> tuple[bytes, int | None]:
        """The answer, and the fd that came with it: it is closed on exec, and the caller's.

        Raises OSError: the error that the child answered, EIO without an answer, TimeoutError.
        """
        self._socket.settimeout(timeout_s)
        try:
            message, ancillary, _, _ = self._socket.recvmsg(_MAX_MESSAGE, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        except (TimeoutError, BlockingIOError):
            raise _timeout() from None
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                return message, int.from_bytes(data[:4], sys.byteorder)
        if not message or message.isdigit():
            code = int(message or errno.EIO)
            raise OSError(code, os.strerror(code))
        return message, None

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


def _timeout() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
