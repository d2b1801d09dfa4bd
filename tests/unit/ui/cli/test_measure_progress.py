"""The line on the terminal that tells how far a measurement is."""

import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from ui.cli import measure_progress
from ui.cli.measure_progress import Progress, show_line


@contextmanager
def _terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other side of a terminal that is standard error."""
    outer, inner = pty.openpty()
    stream = os.fdopen(inner, "w")
    try:
        with monkeypatch.context() as patches:
            patches.setattr(sys, "stderr", stream)
            yield outer
    finally:
        with suppress(OSError):
            os.close(outer)
        with suppress(OSError):
            stream.close()


@pytest.mark.parametrize(("width", "shown"), [(0, "3 of 10 keys"), (1, ""), (5, "3 of"), (80, "3 of 10 keys")])
def test_the_line_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int, shown: str) -> None:
    """A width of 0 is that of a serial line, which tells none."""
    with _terminal(monkeypatch) as terminal:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 0, width, 0, 0))
        show_line("3 of 10 keys")
        assert os.read(terminal, 100).decode() == f"\r{shown}\x1b[K"


def test_a_terminal_that_goes_ends_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_progress, "_SECOND", 0)
    with _terminal(monkeypatch) as terminal, Progress(lambda: "text") as progress:
        progress.show()
        os.close(terminal)
        progress.show()
        progress.show()
