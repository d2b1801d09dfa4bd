"""A pipe without a reader, a reader that stops, a FIFO in the place of a file: no command waits for ever."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.replay import capture_file
from app.replay.capture_file import CaptureFile
from app.replay.schema import Pixels
from tests.attacks.limits import time_limit
from tests.recordings import START, context
from tests.unit.command import MDEVVIEW, REPOSITORY
from ui.cli.main import main

_LONGEST_S = 60.0


@contextmanager
def _capture(fifo: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A capture into a FIFO, which is ended if the test did not end it."""
    command = [sys.executable, "-m", MDEVVIEW, "capture", "sim:gvt,size=64x64", "-o", str(fifo)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _open_files(pid: int) -> set[Path]:
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(each.readlink())
    return found


def test_one_signal_ends_a_capture_whose_fifo_is_read_no_more(tmp_path: Path) -> None:
    fifo = tmp_path / "a.mcap"
    os.mkfifo(fifo, 0o600)
    with _capture(fifo) as process, fifo.open("rb", buffering=0) as reader:
        assert reader.read(8) == b"\x89MCAP0\r\n"
        process.send_signal(signal.SIGTERM)
        process.wait(_LONGEST_S)
        assert process.returncode in (0, 1)


def test_one_signal_ends_a_capture_that_waits_for_a_reader(tmp_path: Path) -> None:
    fifo = tmp_path / "a.mcap"
    os.mkfifo(fifo, 0o600)
    with _capture(fifo) as process:
        with time_limit(_LONGEST_S):
            while fifo not in _open_files(process.pid):
                time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(_LONGEST_S) == -signal.SIGTERM


def test_a_full_pipe_is_given_up_once_it_is_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_file, "_PATIENCE_S", 0.05)
    reader, writer = os.pipe()
    try:
        file = CaptureFile(writer, context(), lambda: START)
        file.pixels(Pixels("cpu", 1, 0, 1, 1, 4, inode=1), os.urandom(1 << 20), START, START)
        with time_limit(_LONGEST_S):
            file.finish("signal", lambda: True)
        assert file.failed is not None and file.failed.errno == errno.ETIMEDOUT
    finally:
        # The write fails, and the thread ends.
        os.close(reader)
        for each in threading.enumerate():
            if each.name == "capture":
                each.join(_LONGEST_S)
        os.close(writer)


def test_a_fifo_in_the_place_of_a_document_is_no_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = tmp_path / "a.raw"
    raw.write_bytes(bytes(64))
    os.mkfifo(f"{raw}.json")
    with time_limit(_LONGEST_S):
        assert main(["screenshot", "--from-raw", str(raw), "-o", str(tmp_path / "a.png")]) == 1
    assert capsys.readouterr().err == f"mdevview: {raw}.json: this is no regular file\n"


def test_a_file_of_a_terabyte_is_refused_before_it_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "a.raw"
    raw.touch()
    os.truncate(raw, 1 << 40)
    monkeypatch.setattr("ui.cli.raw_output._CHUNK", -1)
    assert main(["screenshot", "--from-raw", str(raw), "--guess"]) == 1
    assert "more than 1073741824 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["decode", "-"], ["screenshot", "--from-raw", "-", "--guess"]], ids=["decode", "screenshot"]
)
def test_a_closed_standard_input_is_an_empty_one(arguments: list[str]) -> None:
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", MDEVVIEW, *arguments]
    done = subprocess.run(shell, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("mdevview: ") and "internal error" not in done.stderr
