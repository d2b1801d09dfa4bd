"""Uses a path that another user's process names, in a child which may wait for ever in this program's place.

The path may lead to a file system that never answers: FUSE, whose server is any user's process, or a network file
system. A program that waits for it cannot even be killed. A file system of FUSE answers other users only if it was
mounted with ``allow_other`` (fuse_allow_current_process() in fs/fuse/dir.c).
"""

import errno
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from app.host import foreign_path_program
from app.host.foreign_child import ForeignChild
from app.host.paths import HOST, Paths
from app.host.process import is_another_users

LIMIT_S = 3.0
"""The time for an answer in seconds."""


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
    left = _time_left(until)
    with ForeignChild(foreign_path_program.__file__, "look", path) as child:
        message, _ = child.receive(left)
    return _file_look(int(each) for each in message.split()[1:])


@dataclass(frozen=True, slots=True)
class FileContent:
    """``changed_ns`` is when the file, or its name, owner or mode, changed last (st_ctime), in nanoseconds."""

    data: bytes
    changed_ns: int


def read_file(path: str, pid: int, limit: int, paths: Paths = HOST, until: float | None = None) -> FileContent:
    """Read a regular file that the process ``pid`` names. No other kind of file is opened.

    Raises OSError: the kernel's error, EINVAL for another kind of file, EFBIG if it has more than ``limit`` bytes, or
    TimeoutError as :func:`look` does.
    """
    if not is_foreign(pid, paths):
        data, changed_ns = foreign_path_program.read(path, limit)
        return FileContent(data, changed_ns)
    left = _time_left(until)
    with ForeignChild(foreign_path_program.__file__, "read", path, str(limit)) as child:
        message, fd = child.receive(left)
    if fd is None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    # The memory of the child, which nothing else can reach.
    with open(fd, "rb", buffering=0) as memory:  # noqa: PTH123
        return FileContent(memory.read(limit), int(message.split()[1]))


def _time_left(until: float | None) -> float:
    """The time for an answer in seconds, more than 0. Raises TimeoutError if none is left."""
    left = LIMIT_S if until is None else until - time.monotonic()
    if left <= 0:
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    return left


def _file_look(numbers: Iterable[int]) -> FileLook:
    mode, uid, gid, device, inode, may_write = numbers
    return FileLook(mode, uid, gid, device, inode, bool(may_write))


def is_foreign(pid: int, paths: Paths = HOST) -> bool:
    """Whether a process is another user's, or may be."""
    try:
        return is_another_users(pid, paths)
    except OSError:
        return True


def connect_in_child(path: str) -> ForeignChild:
    """A child that connects to the unix socket of that path and sends the connected socket. The caller owns it."""
    return ForeignChild(foreign_path_program.__file__, "connect", path)
