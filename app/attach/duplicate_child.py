"""Duplicates a fd of another user's process in a child, which may wait for ever in this program's place.

Between the look at a fd and its duplication its process can open another file under the same number. The duplicate of
a file on FUSE cannot be closed without asking the process that serves it. So only a duplicate that is a VFIO device
comes into this program; any other one stays in the child.
"""

import errno
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from app.attach.helper_answer import receive_answer
from app.host import vfio_file
from app.host.process import Process

if TYPE_CHECKING:
    import subprocess

_LIMIT_S = 5.0
_ENDING_S = 0.5

# Children that did not end.
_stuck: "list[subprocess.Popen[bytes]]" = []


def duplicate_in_child(process: Process, fd: int) -> int | None:
    """A duplicate of a fd, closed on exec, if it is a VFIO device; None if it is another file.

    Raises OSError: the kernel's error, or ETIMEDOUT if the child does not answer in five seconds.
    """
    own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with own:
        with theirs:
            child = _start(theirs, process.fileno(), fd)
        own.settimeout(_LIMIT_S)
        try:
            message, fds, _ = receive_answer(own)
        except TimeoutError:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
        finally:
            _end(child)
    if fds:
        return fds[0]
    if message == b"other":
        return None
    code = int(message) if message.isdigit() else errno.EIO
    raise OSError(code, os.strerror(code))


def _start(stdin: socket.socket, pidfd: int, fd: int) -> "subprocess.Popen[bytes]":
    import subprocess  # noqa: PLC0415  (most commands do not need it)

    return subprocess.Popen(
        [sys.executable, "-ISB", vfio_file.__file__, str(pidfd), str(fd)],
        stdin=stdin.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(pidfd,),
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Reap it, or leave it to itself if it does not end."""
    import subprocess  # noqa: PLC0415

    with suppress(subprocess.TimeoutExpired):
        child.wait(_ENDING_S)
    if child.poll() is None:
        child.kill()
        _stuck.append(child)
    for each in tuple(_stuck):
        if each.poll() is not None:
            _stuck.remove(each)
