"""The timer of the window's frame loop."""

from tests.unit.command import run_without_display


def test_timer_fires_once_unless_it_is_stopped_and_leaves_no_fd() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.timer_with_nanoseconds")
