"""Runs a command again and again, each time with one more fd left, then with enough of them.

Prints one JSON line for each run: how many fds were left, the exit status, and the lines on standard error.
"""

import io
import json
import os
import resource
import sys
from contextlib import redirect_stderr, redirect_stdout

from ui.cli.main import main


def attempt(arguments: list[str]) -> tuple[int, list[str]]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return status, err.getvalue().splitlines()


def run(arguments: list[str]) -> None:
    # Imports what the command needs.
    attempt(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    lowest = max(map(int, os.listdir("/proc/self/fd")))
    for left in (*range(9), 100):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + left, hard))
        status, lines = attempt(arguments)
        print(json.dumps((left, status, lines)), flush=True)


if __name__ == "__main__":
    run(sys.argv[1:])
