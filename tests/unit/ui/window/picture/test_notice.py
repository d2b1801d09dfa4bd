"""A notice goes when its time is over, or when what it says is not true any more."""

from tests.unit.command import run_without_display


def test_a_notice_ends_with_its_time_or_its_truth() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.notices")
