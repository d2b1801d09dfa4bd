"""The menus of the window."""

from tests.unit.command import run_without_display


def test_what_excludes_each_other_is_shown_so() -> None:
    run_without_display("tests.unit.ui.window.actions.programs.exclusive_choices")
