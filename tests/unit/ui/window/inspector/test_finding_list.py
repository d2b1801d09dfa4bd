"""The findings in the inspector."""

from tests.unit.command import run_without_display


def test_findings_are_plain_text_that_can_be_selected_and_the_remedy_can_be_copied() -> None:
    run_without_display("tests.unit.ui.window.inspector.programs.finding_cards")
