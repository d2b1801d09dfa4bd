"""A helper, or the sudo that asks for a password, that is stopped or never answers holds no terminal for ever."""

import os
import pty
import select
import signal
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60


class _Terminal:
    """A program at a terminal of its own, and what it has printed there."""

    def __init__(self, folder: Path, sudo: str, *arguments: str) -> None:
        for name, text in (("sudo", sudo), ("helper", "exit 1")):
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        # The end that the program has: it stays open, so that its modes can be read after the program's end.
        self._screen, self.tty = pty.openpty()
        self.modes: list[Any] = termios.tcgetattr(self.tty)
        self.text = b""
        command = [sys.executable, "-m", "tests.attacks.programs.ask_at_terminal", str(folder), *arguments]
        self._pid = os.fork()
        if self._pid == 0:
            os.login_tty(self.tty)
            os.chdir(_ROOT)
            os.execv(command[0], command)

    def read_until(self, word: bytes, patience_s: float = _PATIENCE_S) -> None:
        limit = time.monotonic() + patience_s
        while word not in self.text:
            assert select.select([self._screen], [], [], max(0, limit - time.monotonic()))[0], self.text
            self.text += os.read(self._screen, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def wait_for_modes(self, *, echo: bool) -> None:
        limit = time.monotonic() + _PATIENCE_S
        while bool(termios.tcgetattr(self.tty)[3] & termios.ECHO) is not echo:
            assert time.monotonic() < limit
            time.sleep(0.01)

    def close(self) -> None:
        """End all programs of the terminal: a stopped one gets no SIGHUP."""
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == self._pid:
                    os.kill(int(folder.name), signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._screen)
        os.close(self.tty)


@pytest.fixture(params=[(), ("wait",)], ids=["opens", "waits"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Both ways to ask: a command opens the VM once, and a viewer waits for it."""
    terminals: list[_Terminal] = []

    def start(sudo: str) -> _Terminal:
        terminals.append(_Terminal(tmp_path, sudo, *request.param))
        return terminals[-1]

    yield start
    for each in terminals:
        each.close()


def test_helper_that_is_stopped_after_the_password_was_given(start: Any) -> None:
    """sudo has put the terminal into raw mode, in which no key interrupts."""
    terminal = start("stty raw -echo </dev/tty; sh -c 'kill -STOP $$'")
    terminal.read_until(b"no answer in")
    terminal.wait_for_modes(echo=True)
    assert termios.tcgetattr(terminal.tty) == terminal.modes


def test_interrupt_while_sudo_is_stopped_in_its_question(start: Any) -> None:
    terminal = start("stty -echo </dev/tty; kill -STOP $$")
    terminal.wait_for_modes(echo=False)
    terminal.type(b"\x03")
    terminal.read_until(b"interrupted")
    terminal.wait_for_modes(echo=True)
    assert termios.tcgetattr(terminal.tty) == terminal.modes


def test_question_has_no_time_limit(start: Any) -> None:
    """A person may look the password up. Only the helper's answer has a limit."""
    terminal = start("stty -echo </dev/tty; exec sleep 60")
    terminal.wait_for_modes(echo=False)
    # Three times as long as an answer may take.
    with pytest.raises(AssertionError):
        terminal.read_until(b"no answer in", patience_s=1.5)
    terminal.type(b"\x03")
    terminal.read_until(b"interrupted")
