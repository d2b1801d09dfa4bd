"""How far a measurement is: a line on the terminal."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from app.measure.record.recorder import Recorder

_SECOND = 1_000_000_000
# A serial line does not tell its width.
_USUAL_WIDTH = 80


class Progress:
    """Shows what ``text`` returns, each second. Nothing where standard error is no terminal."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self.due_ns = time.monotonic_ns() + _SECOND
        """When :meth:`show` has something to do, in nanoseconds of ``time.monotonic_ns()``."""

    def show(self) -> None:
        """Show the line if it is due."""
        if time.monotonic_ns() < self.due_ns:
            return
        self.due_ns += _SECOND
        if sys.stderr.isatty():
            show_line(self._text())

    def clear(self) -> None:
        """Remove the line."""
        show_line("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()


def show_line(text: str) -> None:
    """Replace the line on the terminal, or remove it. Nothing where standard error is no terminal.

    A terminal that was closed is no error: the files of the measurement are still written.
    """
    with suppress(OSError):
        if sys.stderr.isatty():
            width = os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_WIDTH
            sys.stderr.write("\r" + text[: width - 1] + "\x1b[K")
            sys.stderr.flush()


def flips_text(recorder: Recorder, duration_s: float) -> Callable[[], str]:
    """The time that has passed, the flips and their latency, in a few words."""
    began = time.monotonic_ns()

    def text() -> str:
        stage, counters = recorder.stages["flip_to_submit"], recorder.counters
        median, tail = stage.percentile_ns(50), stage.percentile_ns(99)
        latency = "" if median is None or tail is None else f", median {median / 1e6:.2f} ms, p99 {tail / 1e6:.2f} ms"
        seconds = (time.monotonic_ns() - began) // _SECOND
        return f"{seconds} of {duration_s:g} s: {counters.flips_seen} flips{latency}"

    return text
