"""The line below the picture."""

from tests.unit.command import run_without_display


def test_name_of_a_vm_is_plain_text() -> None:
    run_without_display("tests.unit.ui.window.programs.vm_named_as_markup")


def test_what_the_picture_does_has_room_and_takes_none_from_small_windows() -> None:
    run_without_display("tests.unit.ui.window.programs.status_line_room")


def test_the_picture_keeps_its_size_when_the_path_comes_and_goes() -> None:
    """Otherwise a guest that follows the window would be asked for one mode after another."""
    run_without_display("tests.unit.ui.window.programs.status_line_height")
