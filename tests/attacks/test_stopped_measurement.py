"""A measurement ends when a signal asks it to, also while it waits for a picture or for the reader of a file."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.command import MDEVVIEW, REPOSITORY

_PATIENCE_S = 30.0
_STOPS = (signal.SIGINT, signal.SIGTERM)
_SIMULATED = "sim:gvt,size=64x64"


@contextlib.contextmanager
def _measuring(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", MDEVVIEW, "measure", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_until_it_waits(process: "subprocess.Popen[str]") -> None:
    """Until it has started the simulated guest, and then used no processor time for half a second."""
    end, stat = time.monotonic() + _PATIENCE_S, Path(f"/proc/{process.pid}/stat")
    children, used = Path(f"/proc/{process.pid}/task/{process.pid}/children"), [""]
    while not children.read_text() or used != stat.read_text().split()[13:15]:
        assert process.poll() is None and time.monotonic() < end
        used = stat.read_text().split()[13:15]
        time.sleep(0.5)


def _ends(process: "subprocess.Popen[str]", stop: signal.Signals) -> None:
    process.send_signal(stop)
    _, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode in (128 + stop, -stop)
    assert errors == ""


@pytest.mark.parametrize("stop", _STOPS)
@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_a_fifo_without_a_reader_is_left(tmp_path: Path, option: str, stop: signal.Signals) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with _measuring(_SIMULATED, "--duration", "0.1", option, str(fifo)) as process:
        _wait_until_it_waits(process)
        _ends(process, stop)


def test_a_reader_who_does_not_read_is_left_at_the_second_signal(tmp_path: Path) -> None:
    """The first one lets the run finish its files, which waits for the reader."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # Full: one row more than fits is waited for.
        writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while os.write(writer, bytes(4096)):
                pass
        with _measuring(_SIMULATED, "--duration", "600", "--csv", str(fifo)) as process:
            _wait_until_it_waits(process)
            process.send_signal(signal.SIGINT)
            # Two signals that come before the first was handled are one.
            time.sleep(2)
            _ends(process, signal.SIGINT)
        os.close(writer)
    finally:
        os.close(reader)


@pytest.mark.parametrize("stop", _STOPS)
def test_the_wait_for_a_picture_ends(stop: signal.Signals) -> None:
    with _measuring(f"{_SIMULATED},fault=off@0-", "--timeout", "600") as process:
        end = time.monotonic() + _PATIENCE_S
        while not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        # It polls from then on, so it does not rest.
        time.sleep(1)
        _ends(process, stop)


def test_nobody_reads_the_rows_is_no_error_line() -> None:
    with _measuring(_SIMULATED, "--duration", "0.5", "--csv", "-") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, errors) == (1, "")
