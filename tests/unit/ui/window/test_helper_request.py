"""Asking the helper from a window."""

from tests.unit.command import run_without_display


def test_window_closed_during_a_request() -> None:
    run_without_display("tests.unit.ui.window.programs.closed_during_request")
