"""The feed of frames."""

from tests.unit.command import run_without_display


def test_feed_at_rest_learns_of_the_vms_end() -> None:
    run_without_display("tests.unit.ui.window.programs.feed_at_rest")
