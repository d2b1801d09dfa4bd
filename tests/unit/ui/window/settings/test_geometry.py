"""Size and position of a window."""

from tests.unit.command import run_without_display


def test_a_window_comes_back_where_it_can_be_seen() -> None:
    run_without_display("tests.unit.ui.window.programs.restored_windows")
