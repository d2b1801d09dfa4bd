"""Zoom by wheel, keys, pinch and menu."""

from tests.unit.command import run_without_display


def test_a_window_without_input_zooms_and_scrolls_by_the_wheel() -> None:
    run_without_display("tests.unit.ui.window.zoom.programs.zoomed_window")
