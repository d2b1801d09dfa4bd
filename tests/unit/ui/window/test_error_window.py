"""The window where there is no OpenGL."""

import pytest

from tests.unit.command import run_without_display


@pytest.mark.parametrize("shown_as", ["page", "terminal"])
def test_no_opengl_is_a_page_when_started_from_a_menu_else_an_error(shown_as: str) -> None:
    run_without_display("tests.unit.ui.window.programs.window_without_opengl", shown_as)
