"""The memory of an mbochs that is read through BAR 0: no register of the guest and no owner ends the program."""

import subprocess
import sys

from tests.unit.command import REPOSITORY


def test_memory_that_vanishes_or_is_not_there_is_an_error_or_left_out() -> None:
    command = [sys.executable, "-m", "tests.attacks.programs.vanishing_bar"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["whole", "EFAULT", "whole", *["without the end"] * 4]
