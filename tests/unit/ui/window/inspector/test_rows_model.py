"""Models that change in place: a selected row stays selected, whatever happens around it."""

from tests.unit.command import run_without_display


def test_rows_and_nodes_become_what_is_shown_and_what_is_selected_stays() -> None:
    run_without_display("tests.unit.ui.window.inspector.programs.models_in_place")
