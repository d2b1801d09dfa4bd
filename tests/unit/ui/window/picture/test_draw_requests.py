"""When the window asks its display for a picture."""

from tests.unit.command import run_without_display


def test_pictures_are_asked_for_when_due_but_not_hidden_and_not_in_a_mode_switch() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.picture_requests")
