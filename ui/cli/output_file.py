"""The files that commands write: pictures, measurements, documents."""

import errno
import os
import re
import stat
import sys
from pathlib import Path

from app.errors import MdevviewError, UsageError
from ui import private_file

_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
# The shell's names of files that are open already, such as those of >(...).
_OPEN_FILE = re.compile(r"(?:/dev/fd|/proc/self/fd)/([0-9]{1,9})|/dev/stderr")


def write_file(name: str, data: bytes | memoryview, option: str = "-o") -> None:
    """Write to a new file, in place of an old one, or to what is no file on a disk.

    ``-`` is standard output. A pipe, a terminal and a character device such as /dev/null are written to. Everything
    else is a file, see :func:`ui.private_file.replace`. ``option`` is the one that named the file. Raises
    MdevviewError, and BrokenPipeError when nobody reads.
    """
    try:
        if name in _STANDARD_OUTPUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif match := _OPEN_FILE.fullmatch(name):
            _write(os.dup(int(match[1] or 2)), data)
        elif (special := _open_special(name)) is not None:
            _write(special, data)
        else:
            private_file.replace(Path(name), data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _write_error(name, error, option) from error


def write_files(name: str, data: bytes | memoryview, other: str, more: bytes) -> None:
    """Write a new file (:func:`is_replaced`) and a second one that tells what is in it: both or none.

    Raises MdevviewError.
    """
    try:
        private_file.replace_both((Path(name), data), (Path(other), more))
    except OSError as error:
        raise _write_error(name, error, "-o") from error


def open_for_rows(name: str, option: str) -> int:
    """A fd to write rows to while they come, which the caller closes.

    As for :func:`write_file`, but an old file is emptied at once, and the rows do not wait for a rename at the end: a
    recording may take hours, other programs follow its file meanwhile ('tail -f'), and a program that is killed, or
    whose disk is full, leaves the rows written by then. Called when the device is open, so that a target which cannot
    be opened costs no old file. Raises MdevviewError.
    """
    try:
        if name in _STANDARD_OUTPUT:
            return os.dup(1)
        if match := _OPEN_FILE.fullmatch(name):
            return os.dup(int(match[1] or 2))
        if (special := _open_special(name)) is not None:
            return special
        return private_file.open_emptied(Path(name))
    except OSError as error:
        raise _write_error(name, error, option) from error


def is_standard_output(name: str | None) -> bool:
    return name in _STANDARD_OUTPUT


def refuse_terminal(name: str | None, option: str) -> None:
    """Raises UsageError if bytes that are no text would go to a terminal. ``option`` is the one that named the file."""
    if name in _STANDARD_OUTPUT:
        fd = 1
    elif match := _OPEN_FILE.fullmatch(name or ""):
        fd = int(match[1] or 2)
    else:
        return
    if os.isatty(fd):
        raise UsageError("the file would go to the terminal", f"give a FILE with {option}, or a pipe")


def is_replaced(name: str) -> bool:
    """Whether :func:`write_file` makes a new file of this name, and does not write to what is open or no file."""
    if name in _STANDARD_OUTPUT or _OPEN_FILE.fullmatch(name):
        return False
    path = Path(name)
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return True


def row_error(name: str, error: OSError) -> MdevviewError:
    """The error of a row that was not written. Raises BrokenPipeError when nobody reads standard output any more."""
    if isinstance(error, BrokenPipeError) and name in _STANDARD_OUTPUT:
        raise error
    return MdevviewError(f"{_shown(name)}: {error.strerror}", "the rows after this error are missing")


def _write_error(name: str, error: OSError, option: str) -> MdevviewError:
    return MdevviewError(f"{_shown(name)}: {error.strerror}", f"give another FILE with {option}")


def _shown(name: str) -> str:
    return "standard output" if name in _STANDARD_OUTPUT else name


def _open_special(name: str) -> int | None:
    """The fd of a FIFO or a character device, open for writing; None for everything else.

    The open of a FIFO waits for a reader. Raises OSError, EPERM for one of another user: in a folder of all users
    anybody can make a FIFO of any name.
    """
    try:
        # Only looks, so that what is opened later is what was checked.
        found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(found)
        if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
            return None
        if status.st_uid not in (0, os.geteuid()):
            raise OSError(errno.EPERM, "belongs to another user", name)
        return os.open(f"/proc/self/fd/{found}", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(found)


def _write(fd: int, data: bytes | memoryview) -> None:
    """Write all and close. Raises OSError."""
    with open(fd, "wb") as stream:
        stream.write(data)
