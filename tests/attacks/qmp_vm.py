"""Starts tests/attacks/programs/qmp_vm.py."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.command import REPOSITORY


@contextmanager
def qmp_vm(path: Path, manner: str = "serve") -> Iterator[subprocess.Popen[bytes]]:
    """A VM in a process of its own that listens at ``path``. What it prints can be read from it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.attacks.programs.qmp_vm", str(path), manner],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening\n"
            yield process
        finally:
            process.kill()
