"""The page as a widget."""

from tests.unit.command import run_without_display


def test_nothing_is_cut_and_keyboard_and_screen_reader_reach_all() -> None:
    run_without_display("tests.unit.ui.window.page.programs.page_for_everybody")
