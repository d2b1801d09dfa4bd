"""Looks at a path, reads it, or connects to the unix socket there: the child of :mod:`app.host.foreign_path`.

``python -ISB foreign_path_program.py look|read|connect PATH [LIMIT]`` answers through its standard input, a socket. The
message is "ok" and numbers, or the kernel's error number. It imports only the standard library.
"""

import errno
import os
import socket
import stat
import sys
from contextlib import suppress

# sizeof(sun_path) in unix(7), with the NUL that ends a path.
_SUN_PATH = 108


def look(path: str) -> tuple[int, ...]:
    """The members of :class:`app.host.foreign_path.FileLook`. Raises OSError."""
    info = os.stat(path)  # noqa: PTH116  (pathlib would make the start of the child slower)
    return info.st_mode, info.st_uid, info.st_gid, info.st_dev, info.st_ino, int(os.access(path, os.W_OK))


def read(path: str, limit: int) -> tuple[bytes, int]:
    """The bytes of a regular file, and its st_ctime in nanoseconds. Raises OSError.

    The open of another kind of file may have an effect: a tape rewinds, a watchdog starts, a FIFO waits. So may the
    read of a file that the kernel makes up: /proc/kmsg and trace_pipe give each line once. Such a file system has no
    blocks (simple_statfs() in fs/libfs.c).
    """
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode) or not os.fstatvfs(place).f_blocks:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fd = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(place)
    with open(fd, "rb", buffering=0) as file:  # noqa: PTH123
        data = bytearray()
        while chunk := file.read(limit + 1 - len(data)):
            data += chunk
            if len(data) > limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        # After the read: a change in between counts.
        changed_ns = os.fstat(fd).st_ctime_ns
    return bytes(data), changed_ns


def _in_memory(data: bytes) -> int:
    fd = os.memfd_create("mdevview-file", os.MFD_CLOEXEC)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def connect(name: bytes) -> socket.socket:
    """A non-blocking socket, connected to the unix socket of that path or abstract name. Raises OSError.

    It never waits for the listener: EAGAIN means that the listener's backlog is full. But the file system may wait.
    """
    folder = -1
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if len(name) >= _SUN_PATH and not name.startswith(b"\0"):
            # The path is too long for the kernel; the path of the folder's file descriptor is short enough.
            above, _, base = name.rpartition(b"/")
            folder = os.open(above or b"/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            name = b"/proc/self/fd/%d/%s" % (folder, base)
        connection.connect(name)
    except BaseException:
        connection.close()
        raise
    finally:
        if folder >= 0:
            os.close(folder)
    return connection


def main(word: str, path: str, limit: str = "0") -> None:
    """Do what ``word`` says with the path and send the result."""
    answer = socket.socket(fileno=0)
    fds: list[int] = []
    try:
        if word == "connect":
            fds = [connect(os.fsencode(path)).detach()]
            message = "ok"
        elif word == "read":
            data, changed_ns = read(path, int(limit))
            fds = [_in_memory(data)]
            message = f"ok {changed_ns}"
        else:
            message = " ".join(("ok", *map(str, look(path))))
    except OSError as error:
        message = str(error.errno)
    # The program may have given up.
    with suppress(OSError):
        socket.send_fds(answer, [message.encode()], fds)


if __name__ == "__main__":
    main(*sys.argv[1:4])
