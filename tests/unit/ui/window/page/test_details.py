"""The details of a window for a maintainer."""

from tests.unit.command import run_without_display


def test_details_say_what_is_known_without_private_names() -> None:
    run_without_display("tests.unit.ui.window.page.programs.copied_details")
