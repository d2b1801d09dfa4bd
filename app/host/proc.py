"""Reads the files of ``/proc/PID`` through one directory fd.

The fd of ``/proc/PID`` belongs to one process. After the end of that process every read fails, even if another process
got the pid. So everything that is read through one fd is about one process.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.host.paths import HOST, Paths
from app.text.clean import clean

# Any process may make its command line as long as its address space (PR_SET_MM_MAP in prctl(2)), and fill it with empty
# arguments. A VM with hundreds of disks needs less than this.
MAX_COMMAND_LINE = 1 << 18
MAX_ARGUMENTS = 1 << 13
# The other files that are read here are shorter than a page. The list of groups in ``status`` may be longer.
MAX_FILE = 1 << 12

# The kernel allows 15 bytes, and 63 for a kernel thread (TASK_COMM_LEN, WQ_NAME_LEN).
_MAX_COMM = 256

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# include/linux/sched.h
_PF_EXITING, _PF_KTHREAD = 0x4, 0x200000
# The errors of open(2) if this program can open no more files. They tell nothing about the file.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def raise_if_exhausted(error: OSError) -> None:
    """Raise the error if this program can open no more files: then an unreadable file need not be another user's."""
    if error.errno in _EXHAUSTED:
        raise error


@dataclass(frozen=True, slots=True)
class Stat:
    """Fields of proc_pid_stat(5).

    ``name`` is the name that the process chose, at most 15 bytes for a process with files. ``started`` is in clock
    ticks since boot. Together with the pid it identifies a process until the next boot.
    """

    name: str
    state: str
    parent: int
    flags: int
    threads: int
    started: int

    @property
    def is_ending(self) -> bool:
        """Whether it is about to end: it has no memory and perhaps no files any more."""
        return bool(self.flags & _PF_EXITING)

    @property
    def has_no_files(self) -> bool:
        """Whether it is a kernel thread, or a zombie without a living thread."""
        return bool(self.flags & _PF_KTHREAD) or (self.state in "ZX" and self.threads <= 1)


@contextmanager
def open_folder(folder: str | Path, above: int | None = None) -> Iterator[int]:
    """The fd of a folder. The path may be relative to the folder ``above``. Raises OSError."""
    fd = os.open(folder, _FOLDER, dir_fd=above)
    try:
        yield fd
    finally:
        os.close(fd)


def read(name: str, folder: int, limit: int = MAX_FILE) -> bytes:
    """The first ``limit`` bytes of a file. Raises OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    with open(fd, "rb") as stream:  # noqa: PTH123
        return stream.read(limit)


def read_command_line(folder: int, limit: int = MAX_COMMAND_LINE) -> tuple[bytes, bool]:
    """The command line of a process, and whether it is longer than the part that was read. Raises OSError.

    Kernel threads and zombies have an empty one. An argument that was read only in part is left out. This may wait for
    ever: the kernel takes the lock of the process's memory, and the process decides how long it holds that lock
    (get_mm_cmdline() in fs/proc/base.c). Use :func:`app.host.command_lines.read_command_lines`.
    """
    data = read("cmdline", folder, limit + 1)
    if len(data) > limit:
        return _first_arguments(data[: data.rfind(b"\0", 0, limit) + 1])[0], True
    return _first_arguments(data)


def _first_arguments(data: bytes) -> tuple[bytes, bool]:
    """At most MAX_ARGUMENTS of the arguments, and whether there are more."""
    if data.count(b"\0") <= MAX_ARGUMENTS:
        return data, False
    return data[: len(data) - len(data.split(b"\0", MAX_ARGUMENTS)[-1])], True


def split_arguments(data: bytes, most: int = MAX_ARGUMENTS) -> tuple[str, ...]:
    """The first arguments of a command line as text."""
    if not data:
        return ()
    words = data.removesuffix(b"\0").split(b"\0", most)
    return tuple(each.decode("utf-8", "replace") for each in words[:most])


def read_uid(folder: int) -> int | None:
    """The real user of a process: the one who started it and chose its arguments. None if that cannot be read.

    The owner of ``/proc/PID`` would be root for a process that is not dumpable (task_dump_owner() in fs/proc/base.c).
    Raises like :func:`raise_if_exhausted`.
    """
    try:
        # The kernel escapes a newline in the name, which comes first.
        found = re.search(rb"^Uid:\t(\d+)", read("status", folder), re.M)
    except OSError as error:
        raise_if_exhausted(error)
        return None
    return int(found[1]) if found else None


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
    start, end = data.index(b"(") + 1, data.rindex(b")")
    fields = data[end + 1 :].split()
    return Stat(
        name=data[start:end].decode("utf-8", "replace"),
        state=fields[0].decode("ascii", "replace"),
        parent=int(fields[1]),
        flags=int(fields[6]),
        threads=int(fields[17]),
        started=int(fields[19]),
    )


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
