"""Runs ``mdevview view`` as a user does, and waits for what it says of itself in its log."""

import contextlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

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
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(_PATIENCE_S)
        self._reader.join()
        return status

    def warnings(self) -> list[str]:
        """Log lines of level warning or above, and what is no log line at all."""
        return [line for line in self.lines if not line.startswith(("mdevview: INFO:", "mdevview: DEBUG:"))]


@contextlib.contextmanager
def viewing(display: Display, *arguments: str) -> Iterator[Viewer]:
    """``mdevview -v view ARGUMENTS`` on a display, killed at the end if need be."""
    command = [sys.executable, "-m", "mdevview", "-v", "view", *arguments]
    with subprocess.Popen(command, env=display.env, stderr=subprocess.PIPE, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer
        finally:
            process.kill()
            viewer._reader.join()
