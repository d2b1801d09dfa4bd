"""Runs ``mdevview view`` as a user does, and waits for lines of its log."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.window.displays import Display

_PATIENCE_S = 60.0


class Viewer:
    """A running window. ``lines`` is its standard error so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def wait_for(self, pattern: str) -> str:
        """The first log line that matches, waited for."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            for line in self.lines:
                if re.search(pattern, line):
                    return line
            status = self.process.poll()
            assert status is None and time.monotonic() < end, f"status {status}: {self.lines}"
            time.sleep(0.02)

    def interrupt(self) -> int:
        """Ctrl-C; the exit status. A window that does not end fails the test with the stacks of its threads."""
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(_PATIENCE_S)
            self._reader.join()
            raise AssertionError("\n".join(self.lines)) from None
        self._reader.join()
        return status

    def warnings(self) -> list[str]:
        """Log lines of level warning or above, and lines that are no log lines."""
        return [line for line in self.lines if not line.startswith(("mdevview: INFO:", "mdevview: DEBUG:"))]


class DrivenViewer(Viewer):
    """A window that a test operates, see :mod:`tests.window.window_driver`."""

    def do(self, name: str, *arguments: object) -> Any:
        """Call a method of WindowDriver and return its result."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.lines
        return json.loads(answer)

    def wait_until(self, name: str, wanted: Callable[[Any], object]) -> Any:
        """The result of a method of WindowDriver, as soon as it is as wanted."""
        end = time.monotonic() + _PATIENCE_S
        while not wanted(answer := self.do(name)):
            assert time.monotonic() < end, f"{answer}: {self.lines}"
            time.sleep(0.05)
        return answer


def _environment(display: Display) -> dict[str, str]:
    # A window begins with what its user chose before: no test begins with the choices of another, unless it asks for
    # that by a folder of its own.
    shutil.rmtree(display.directory / "config", ignore_errors=True)
    # Python then prints the stacks of all threads at SIGABRT.
    return display.env | {"PYTHONFAULTHANDLER": "1"}


@contextlib.contextmanager
def driving(display: Display, *arguments: str) -> Iterator[DrivenViewer]:
    """As :func:`viewing`, with a window that the test operates."""
    with driven(display, "tests.window.window_driver", "view", *arguments) as viewer:
        yield viewer


@contextlib.contextmanager
def driven(display: Display, module: str, *arguments: str) -> Iterator[DrivenViewer]:
    """``module`` runs mdevview with these arguments, and operates its window."""
    command = [sys.executable, "-m", module, "-v", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=_environment(display), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        viewer = DrivenViewer(process)
        try:
            yield viewer
        finally:
            process.kill()
            viewer._reader.join()


@contextlib.contextmanager
def viewing(display: Display, *arguments: str) -> Iterator[Viewer]:
    """``mdevview -v view ARGUMENTS`` on a display. It is killed at the end if it still runs."""
    command = [sys.executable, "-m", "mdevview", "-v", "view", *arguments]
    with subprocess.Popen(command, env=_environment(display), stderr=subprocess.PIPE, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer
        finally:
            process.kill()
            viewer._reader.join()
