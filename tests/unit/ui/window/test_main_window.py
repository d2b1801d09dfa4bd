"""The main window."""

from pathlib import Path

from tests.unit.command import run_without_display


def test_error_of_opengl_is_told_and_not_called_a_missing_picture(tmp_path: Path) -> None:
    # A window that is closed writes its settings.
    run_without_display("tests.unit.ui.window.programs.capture_fails", XDG_CONFIG_HOME=str(tmp_path))


def test_a_window_comes_back_as_the_user_left_it(tmp_path: Path) -> None:
    run_without_display("tests.unit.ui.window.programs.remembers_choices", XDG_CONFIG_HOME=str(tmp_path))


def test_a_menu_that_is_off_says_why_in_its_first_row() -> None:
    run_without_display("tests.unit.ui.window.programs.menus_say_why_off")


def test_whatever_a_user_operates_has_a_name_for_a_screen_reader(tmp_path: Path) -> None:
    run_without_display("tests.unit.ui.window.programs.accessible_names", XDG_CONFIG_HOME=str(tmp_path))


def test_no_window_is_larger_than_a_small_screen(tmp_path: Path) -> None:
    # The screen has 800 x 800 pixels.
    run_without_display(
        "tests.unit.ui.window.programs.small_screen", XDG_CONFIG_HOME=str(tmp_path), QT_SCALE_FACTOR="1.6"
    )
