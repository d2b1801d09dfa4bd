"""Starts a small program that goes on by itself: in a session of its own, with some fds and nothing else of ours."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def spawn_program(program: Path, arguments: Sequence[str], fds: Sequence[int]) -> int:
    """Run a Python file that needs nothing of this project, with these fds under their own numbers. Returns its pid.

    Its first argument is "mdevview": so other viewers know what it is. The numbers 0 to 2 become /dev/null, so each
    fd must be above them. fork() without exec() is not safe here: the window and the drivers have threads. Raises
    OSError.
    """
    command = [sys.executable, "-ISB", str(program), "mdevview", *arguments]
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)
    ]
    # A copy of a fd to its own number clears FD_CLOEXEC in the new process only (glibc 2.29 and later).
    actions += [(os.POSIX_SPAWN_DUP2, each, each) for each in fds]
    return os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsid=True)
