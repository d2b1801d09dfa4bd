"""Runs the program as a user does: a process with arguments, an exit status and output."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ui.cli.main import main

_COMMAND = (sys.executable, "-m", "mdevview")
# In an emulated machine Python and llvmpipe take seconds to start, on a busy host much longer.
PATIENCE_S = 240.0
NOBODY = 65534


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        assert (self.status, self.err) == (0, ""), self
        return json.loads(self.out)


def run(*arguments: str, fds: tuple[int, ...] = (), prefix: tuple[str, ...] = ()) -> Done:
    """Run it to its end. It inherits ``fds`` with the same numbers."""
    started = time.monotonic()
    ended = subprocess.run(
        [*prefix, *_COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        pass_fds=fds,
        check=False,
    )
    return Done(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - started)


def run_here(*arguments: str) -> Done:
    """Run it to its end in this process, which saves a start of Python: that takes seconds in an emulated machine.

    A fd of ``fd:N`` is closed.
    """
    started = time.monotonic()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return Done(status, out.getvalue(), err.getvalue(), time.monotonic() - started)


@dataclass(frozen=True)
class DoneRaw:
    status: int
    out: bytes
    err: str
    seconds: float


def run_raw(*arguments: str) -> DoneRaw:
    """The same for binary output."""
    started = time.monotonic()
    ended = subprocess.run(
        [*_COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
    )
    return DoneRaw(ended.returncode, ended.stdout, ended.stderr.decode(), time.monotonic() - started)


def start(*arguments: str, errors: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start it and let it run. Its output goes to the file ``errors``."""
    with errors.open("wb") as output:
        return subprocess.Popen(
            [*_COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | (env or {}),
        )


def wait_until(ready: Callable[[], object], process: subprocess.Popen[Any]) -> None:
    """Wait until ``ready`` is true. Fails if the process ends before."""
    until = time.monotonic() + PATIENCE_S
    while not ready():
        assert process.poll() is None, f"it ended with status {process.returncode}"
        assert time.monotonic() < until
        time.sleep(0.1)


def wait_for_line(log: Path, words: str, process: subprocess.Popen[Any], times: int = 1) -> None:
    """Wait until the output of a process contains ``words`` so many times. Fails if the process ends before."""
    until = time.monotonic() + PATIENCE_S
    while (said := log.read_text()).count(words) < times:
        assert process.poll() is None, f"it ended with status {process.returncode}: {said}"
        assert time.monotonic() < until, f"{words!r} {times} times: {said}"
        time.sleep(0.1)


def as_nobody() -> tuple[str, ...]:
    """The start of a command line that runs a command as a user without rights.

    If the interpreter is in a home that is closed to other users, the user may read all files. It still cannot open
    files for writing, and so no device.
    """
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    prefix = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    folders = {*Path(sys.executable).parents, *Path(sys.executable).resolve().parents}
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in folders):
        return prefix
    return (*prefix, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
