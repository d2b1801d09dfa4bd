"""The trace that observes another program does not outlive this one, whatever ends it.

A trace costs every process of the host time. A plain folder stands for tracefs here, which only root may use; the same
is tried on the real one in tests/lab.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.tracing.instance import TraceInstance

_PATIENCE_S = 20.0


@pytest.fixture
def instances(tmp_path: Path) -> Path:
    folder = tmp_path / "instances"
    folder.mkdir()
    return folder


@contextmanager
def _tracing(instances: Path, end: str = "") -> Iterator[subprocess.Popen[str]]:
    """A program that traces, in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.attacks.programs.traces", str(instances.parent), end],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert name.startswith(f"mdevview-{process.pid}-")
        yield process
    finally:
        process.kill()
        process.communicate(timeout=_PATIENCE_S)


def _wait_until_empty(instances: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while list(instances.iterdir()):
        assert time.monotonic() < until, "the instance was left behind"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_process_group_leaves_no_instance(instances: Path, number: int) -> None:
    with _tracing(instances) as process:
        os.killpg(process.pid, number)
        process.wait(_PATIENCE_S)
        _wait_until_empty(instances)


def test_an_exception_leaves_no_instance(instances: Path) -> None:
    with _tracing(instances, "exception") as process:
        process.wait(_PATIENCE_S)
        assert list(instances.iterdir()) == []


def test_the_next_start_removes_what_a_kill_of_all_processes_left(instances: Path) -> None:
    with _tracing(instances) as process:
        # Its only child is the guard.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        process.kill()
        process.wait(_PATIENCE_S)
    assert len(list(instances.iterdir())) == 1
    instance = TraceInstance.create(instances.parent)
    assert list(instances.iterdir()) == [instance.folder]
    instance.close()
    assert list(instances.iterdir()) == []
