"""Windows where few files may be open: Qt and Mesa crash if they get no fd, so less is opened before that."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.window.displays import Display

_PATIENCE_S = 60


def _limited(limit: int, display: Display, *arguments: str) -> "subprocess.Popen[str]":
    command = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", sys.executable, "-m", "mdevview", *arguments]
    return subprocess.Popen(command, env=display.env, stderr=subprocess.PIPE, text=True)


def _wait_until_opened(process: "subprocess.Popen[str]") -> None:
    """Until Qt has been on its display for some seconds: each vGPU that is opened has all its buffers then."""
    end, maps = time.monotonic() + _PATIENCE_S, Path(f"/proc/{process.pid}/maps")
    while "libQt6WaylandClient" not in maps.read_text():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    time.sleep(4)


@pytest.mark.parametrize("command", ["view sim:gvt", "overview sim:gvt", "measure sim:gvt --window"])
def test_a_window_without_enough_files_is_one_line(wayland: Display, command: str) -> None:
    with _limited(30, wayland, *command.split()) as process:
        try:
            _, errors = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert line.startswith("mdevview: a window needs")


def test_an_overview_opens_no_more_than_there_are_files_for(wayland: Display) -> None:
    with _limited(56, wayland, "overview", *["sim:gvt,size=64x64,fps=1"] * 12) as process:
        try:
            _wait_until_opened(process)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
