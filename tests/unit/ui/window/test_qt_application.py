"""Qt's application: the end of the program."""

import ast
from pathlib import Path

from tests.unit.command import REPOSITORY, run_without_display


def test_a_window_that_is_left_does_not_crash_the_end_of_the_program() -> None:
    run_without_display("tests.unit.ui.window.programs.left_window")


def test_the_application_is_made_in_one_place() -> None:
    """Where it is made elsewhere, such a program ends by SIGSEGV from time to time."""
    folders = (REPOSITORY / each for each in ("ui", "gl", "tests/unit", "tests/attacks", "tests/window"))
    found = {path for folder in folders for path in folder.rglob("*.py") if _makes_application(path)}
    assert found == {REPOSITORY / "ui/window/qt_application.py"}


def _makes_application(path: Path) -> bool:
    calls = (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call))
    return any(isinstance(each.func, ast.Name) and each.func.id == "QApplication" for each in calls)
