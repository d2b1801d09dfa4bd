"""The frame loop on Qt's event loop."""

from tests.unit.command import run_without_display


def test_loop_at_rest_learns_of_the_vms_end() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.loop_at_rest")


def test_loop_that_does_not_poll_follows_its_sources_fd_and_rests_while_hidden() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.loop_without_polls")
