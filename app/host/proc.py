"""Reads the files of ``/proc/PID`` through one directory fd.

The fd of ``/proc/PID`` belongs to one process. After the end of that process every read fails, even if another process
got the pid. So everything that is read through one fd is about one process.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.host.paths import HOST, Paths
from app.text.clean import clean

# Any process may have a command line of two megabytes. A VM with hundreds of disks needs less than this.
MAX_COMMAND_LINE = 1 << 18

# The kernel allows 15 bytes, and 63 for a kernel thread (TASK_COMM_LEN, WQ_NAME_LEN).
_MAX_COMM = 256

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# The errors of open(2) if this program can open no more files. They tell nothing about the file.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def raise_if_exhausted(error: OSError) -> None:
    """Raise the error if this program can open no more files: then an unreadable file need not be another user's."""
    if error.errno in _EXHAUSTED:
        raise error


@dataclass(frozen=True, slots=True)
class Stat:
    """Fields of proc_pid_stat(5).

    ``started`` is in clock ticks since boot. Together with the pid it identifies a process until the next boot.
    """

    parent: int
    flags: int
    started: int


@contextmanager
def open_folder(folder: str | Path, above: int | None = None) -> Iterator[int]:
    """The fd of a folder. The path may be relative to the folder ``above``. Raises OSError."""
    fd = os.open(folder, _FOLDER, dir_fd=above)
    try:
        yield fd
    finally:
        os.close(fd)


def read(name: str, folder: int, limit: int = -1) -> bytes:
    """The first ``limit`` bytes of a file, or the whole file. Raises OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    with open(fd, "rb") as stream:  # noqa: PTH123
        return stream.read(limit)


def read_arguments(folder: int) -> tuple[tuple[str, ...], bool]:
    """The command line of a process, and whether it is longer than the part that was read. Raises OSError.

    Kernel threads and zombies have an empty one. An argument that was read only in part is left out.
    """
    data = read("cmdline", folder, MAX_COMMAND_LINE + 1)
    is_cut = len(data) > MAX_COMMAND_LINE
    words = data.decode("utf-8", "replace").removesuffix("\0").split("\0") if data else []
    return tuple(words[:-1] if is_cut else words), is_cut


def read_name(folder: int) -> str:
    """The name that the process chose, cleaned; "?" if it cannot be read. Raises like :func:`raise_if_exhausted`."""
    try:
        return clean(read("comm", folder, _MAX_COMM).decode("utf-8", "replace").rstrip("\n")) or "?"
    except OSError as error:
        raise_if_exhausted(error)
        return "?"


def read_stat(folder: int) -> Stat | None:
    """The fields of ``/proc/PID/stat``; None if they cannot be read. Raises like :func:`raise_if_exhausted`."""
    try:
        return parse_stat(read("stat", folder))
    except (ValueError, IndexError):
        return None
    except OSError as error:
        raise_if_exhausted(error)
        return None


def parse_stat(data: bytes) -> Stat:
    """Parse ``/proc/PID/stat``. Raises ValueError or IndexError for invalid data.

    The process's name comes before the other fields. It is in brackets, and may contain spaces and brackets.
    """
    fields = data[data.rindex(b")") + 1 :].split()
    return Stat(parent=int(fields[1]), flags=int(fields[6]), started=int(fields[19]))


def read_syspath(fd: int, folder: int) -> str | None:
    """The device of a VFIO device fd of a process: a path below ``/sys``.

    None before Linux 6.18 ("vfio/pci: print vfio-device syspath to fdinfo").
    """
    return read_fdinfo(fd, folder).get("vfio-device-syspath")


def own_syspath(fd: int, paths: Paths = HOST) -> str | None:
    """Like :func:`read_syspath`, for a fd of this process."""
    with suppress(OSError), open_folder(paths.proc / "self") as folder:
        return read_syspath(fd, folder)
    return None


def read_fdinfo(fd: int, folder: int) -> dict[str, str]:
    """The ``key: value`` lines of a fd of a process; empty if they cannot be read.

    Raises OSError as :func:`raise_if_exhausted`.
    """
    try:
        text = read(f"fdinfo/{fd}", folder).decode("utf-8", "replace")
    except OSError as error:
        raise_if_exhausted(error)
        return {}
    lines = [line.partition(":") for line in text.split("\n")]
    # The first of two lines counts. The last one may come from the name of a dma-buf, which its owner chooses and which
    # may have a newline in it (dma_buf_show_fdinfo() in drivers/dma-buf/dma-buf.c).
    return {key: value.strip() for key, _, value in reversed(lines)}
