"""The line below the picture."""

from tests.unit.command import run_without_display


def test_name_of_a_vm_is_plain_text() -> None:
    run_without_display("tests.unit.ui.window.programs.vm_named_as_markup")
