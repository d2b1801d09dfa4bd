"""The dialog with what doctor finds."""

from tests.unit.command import run_without_display


def test_the_check_runs_in_a_thread_and_its_report_can_be_copied_and_made_again() -> None:
    run_without_display("tests.unit.ui.window.programs.host_check")
