"""Starts a menu entry as a desktop does, and acts on its window as a person: with keys, and by the clipboard."""

import configparser
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.deb.debian_root import USER, DebianRoot
from tests.window.displays import Display

_PATIENCE_S = 60.0
_STILL_S = 3.0
_RUNTIME = "/tmp/session"
# Waits until some program has put a text into the clipboard that has the words.
_CLIPBOARD = """
import sys
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QGuiApplication
application = QGuiApplication([])
board = QGuiApplication.clipboard()
def look():
    if sys.argv[1] in board.text():
        print(board.text())
        application.exit(0)
timer = QTimer()
timer.timeout.connect(look)
timer.start(100)
QTimer.singleShot(int(sys.argv[2]), lambda: application.exit(1))
sys.exit(application.exec())
"""


def words_of(entry: Path) -> list[str]:
    """The command of a desktop file, without the fields for files that a desktop would fill in."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(entry)
    return [each for each in shlex.split(parser["Desktop Entry"]["Exec"]) if not each.startswith("%")]


class MenuSession:
    """The program of a menu entry, with its window on an X11 display. What it prints is in the file ``log``."""

    def __init__(self, process: subprocess.Popen[bytes], display: Display, log: Path) -> None:
        self.process = process
        self.log = log
        self._display = display

    def window(self, title: str) -> str:
        """X11's number of the visible window with such a title, waited for."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            found = self._xdotool("search", "--onlyvisible", "--name", title).stdout.split()
            if found:
                return str(found[0])
            ended = self.process.poll()
            assert ended is None and time.monotonic() < end, f"status {ended}: {self.log.read_text()}"
            time.sleep(0.2)

    def wait_until_still(self) -> None:
        """Wait until the screen has not changed for some seconds."""
        end = time.monotonic() + _PATIENCE_S
        before, since = self._display.picture(), time.monotonic()
        while time.monotonic() < since + _STILL_S:
            assert time.monotonic() < end, f"the screen changes all the time: {self.log.read_text()}"
            time.sleep(0.5)
            now = self._display.picture()
            if not np.array_equal(now, before):
                before, since = now, time.monotonic()

    def press(self, window: str, *keys: str) -> None:
        """Give the window the focus, as no window manager does here, and press keys."""
        self._xdotool("windowfocus", "--sync", window)
        self._xdotool("key", "--delay", "100", *keys)

    def clipboard(self, words: str) -> str:
        """The text of the clipboard, as soon as it has ``words``."""
        wait_ms = str(round(_PATIENCE_S * 1000))
        command = [sys.executable, "-c", _CLIPBOARD, words, wait_ms]
        done = subprocess.run(
            command, env=self._display.env, capture_output=True, text=True, timeout=2 * _PATIENCE_S, check=False
        )
        assert done.returncode == 0, f"no {words!r} in the clipboard: {done.stderr}{self.log.read_text()}"
        return done.stdout

    def _xdotool(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["xdotool", *words], env=self._display.env, capture_output=True, text=True, timeout=60, check=False
        )


@contextlib.contextmanager
def started(root: DebianRoot, entry: str, display: Display) -> Iterator[MenuSession]:
    """Start an entry (a path in the root) as the user, without a terminal."""
    runtime = root.folder / _RUNTIME.lstrip("/")
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.chown(runtime, USER, USER)
    # The display's socket has an abstract name, which is the same in every root.
    env = {"DISPLAY": display.env["DISPLAY"], "XDG_RUNTIME_DIR": _RUNTIME}
    log = display.directory / "menu.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            root.command(*words_of(root.folder / entry), user=USER),
            env=root.environment(USER) | env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield MenuSession(process, display, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
