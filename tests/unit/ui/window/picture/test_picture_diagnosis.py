"""When a window diagnoses its picture."""

from tests.unit.command import run_without_display


def test_a_picture_is_diagnosed_while_something_is_wrong_and_costs_nothing_while_all_is_well() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.diagnosed_picture")
