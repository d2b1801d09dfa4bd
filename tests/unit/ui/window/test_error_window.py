"""The window where there is no OpenGL."""

from tests.unit.command import run_without_display


def test_no_opengl_is_a_page_when_started_from_a_menu() -> None:
    run_without_display("tests.unit.ui.window.programs.window_without_opengl")
