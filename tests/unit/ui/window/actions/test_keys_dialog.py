"""The dialog that changes keys."""

from pathlib import Path

from tests.unit.command import run_without_display


def test_keys_are_changed_refused_taken_over_and_set_back(tmp_path: Path) -> None:
    run_without_display("tests.unit.ui.window.actions.programs.keys_dialog", XDG_CONFIG_HOME=str(tmp_path))
