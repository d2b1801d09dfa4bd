"""The size of the main window."""

from tests.unit.command import run_without_display


def test_a_window_is_as_large_as_the_picture_until_the_user_says_another_size() -> None:
    run_without_display("tests.unit.ui.window.zoom.programs.window_sizes")
