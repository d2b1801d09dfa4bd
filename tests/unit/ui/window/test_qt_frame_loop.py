"""The frame loop on Qt's event loop."""

from tests.unit.command import run_without_display


def test_loop_at_rest_learns_of_the_vms_end() -> None:
    run_without_display("tests.unit.ui.window.programs.loop_at_rest")
