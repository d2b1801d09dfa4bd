"""The settings of a terminal."""

import os
import subprocess
import sys

from tests.unit import command

_PROGRAMS = "tests.unit.ui.cli.programs"


def test_terminal_is_left_as_it_was() -> None:
    """QEMU switches the echo off for a monitor on standard input, and cannot switch it on again when it is killed."""
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"{_PROGRAMS}.terminal_restored"],
            cwd=command.REPOSITORY,
            stdin=theirs,
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
