"""Real processes of another user beside a host of a test's own. They need root."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import gate
from tests.unit.command import REPOSITORY
from tests.unit.hosts import Host

# No user of a machine has these ids, except for the first, which is nobody's.
NOBODY, ANOTHER = 65534, 65533


def need_root() -> None:
    if os.geteuid() != 0:
        gate.unavailable("processes of other users take root")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Tests in other processes wait here. After a process that stands still, a scan skips the others of its user."""
    with Path(__file__).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def open_host() -> Iterator[Host]:
    """A host whose files every user may read: the folder of a test is for its user alone. One test at a time."""
    with one_at_a_time(), tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Host(Path(folder))


def root_of(host: Host) -> str:
    return str(host.paths.dev.parent)


@contextmanager
def stranger(arguments: Sequence[str], comm: str = "qemu-system-x86", uid: int = NOBODY) -> Iterator[int]:
    """A process of another user with this name and these arguments; yields its pid. A shell that waits."""
    script = f"echo {comm} >/proc/$$/comm; echo ready; read -r line"
    command = [arguments[0], "-c", script, *arguments[1:]]
    with subprocess.Popen(
        command, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=uid, group=uid, cwd="/"
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.kill()


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def running(module: str, *arguments: str) -> Iterator[int]:
    """A program that prints "ready" and ends with its standard input; yields its pid."""
    with subprocess.Popen(
        python(module, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.kill()


def listed(host: Host, uid: int) -> dict[str, Any]:
    """The document of :mod:`tests.attacks.programs.lists_vgpus`."""
    command = python("tests.attacks.programs.lists_vgpus", root_of(host), str(uid))
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document
