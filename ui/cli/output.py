"""The commands' standard output. A failed write is an error like any other."""

import errno
import os
import sys
from typing import TextIO

from app.errors import MdevviewError
from app.text.clean import visible


def write_output(text: str, end: str = "\n") -> None:
    """Print and flush. Raises MdevviewError, and BrokenPipeError when nobody reads the output any more."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MdevviewError(f"standard output: {error.strerror}", "the output is incomplete") from error


def write_error(line: str) -> None:
    """Print to standard error. If that fails nobody can be told, and the exit status says enough."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def printable(line: str) -> str:
    """One line of visible characters, whatever a process, a guest or a file put into it."""
    return visible(line)


def discard_output() -> None:
    """Discard what could not be written. Otherwise Python's own flush at exit would report an error."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def fill_standard_files() -> None:
    """Open something in place of each standard file that the parent closed.

    Otherwise the next device that is opened would get its number, and messages would be written to the device.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError as error:
            # Any other error is about an open file, such as one on a server that is gone.
            if error.errno == errno.EBADF:
                os.open(os.devnull, os.O_RDONLY)
    # Python sets a closed one to None, and print() writes to standard output for None.
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
