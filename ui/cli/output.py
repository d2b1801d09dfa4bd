"""Standard output of the commands: what cannot be written there is an error like any other."""

import os
import sys

from app.errors import MdevviewError


def say(text: str, end: str = "\n") -> None:
    """Print and flush. Raises MdevviewError; BrokenPipeError when nobody reads any more."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MdevviewError(f"standard output: {error.strerror}", "the output is incomplete") from error


def printable(line: str) -> str:
    """One line without control characters: processes, and guests, choose their names."""
    return "".join(each if each.isprintable() else "?" for each in line)


def drop() -> None:
    """Forget what could not be written: the interpreter's own flush at its end must not complain of it."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def fill_standard_files() -> None:
    """Where the parent closed a standard file, put one that cannot be written.

    A device opened next would get its number otherwise, and be printed to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)
    # Python has None for them, and print() takes None for standard output.
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
