"""A process with a file whose file system never answers, and programs that meet it."""

import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60


@dataclass(frozen=True)
class Trap:
    """The process and its two fds of the file, and the process that serves the file system."""

    pid: int
    fds: tuple[int, int]
    server: subprocess.Popen[str]


@contextmanager
def silent_file() -> Iterator[Trap]:
    command = [sys.executable, "-m", "tests.attacks.programs.silent_fuse"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            pid, first, second = map(int, server.stdout.readline().split())
            assert os.readlink(f"/proc/{pid}/fd/{first}") == "/dev/vfio/devices/vfio0"  # noqa: PTH115
            yield Trap(pid, (first, second), server)
        finally:
            server.kill()


@contextmanager
def program_beside(trap: Trap, code: str, *fds: int) -> Iterator[subprocess.Popen[str]]:
    """Run code in a process of its own. When the server is killed, the kernel ends every wait for it."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=fds,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            if process.poll() is None:
                time.sleep(0.1)
                trap.server.kill()


def run_beside(trap: Trap, code: str) -> tuple[int, str]:
    with program_beside(trap, code) as process:
        try:
            output, _ = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            pytest.fail("it waits for a foreign file system")
        return process.returncode, output


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], _PATIENCE_S)[0], "it waits for a foreign file system"
    return process.stdout.readline()
