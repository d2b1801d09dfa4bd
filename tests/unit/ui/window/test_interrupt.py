"""The signals that end a window."""

import signal

import pytest

from tests.unit.command import run_without_display


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_that_asks_for_the_end_ends_the_window(number: signal.Signals) -> None:
    """SIGHUP too: a terminal that is closed takes the window with it, which saves and releases everything first."""
    run_without_display("tests.unit.ui.window.programs.ended_by_signal", str(number.value))
