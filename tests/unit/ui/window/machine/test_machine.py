"""Acting on a whole VM from its window: the Machine menu, and the question when the window is closed."""

from tests.unit.command import run_without_display


def test_the_machine_menu_says_why_a_row_is_off_and_asks_before_work_is_lost() -> None:
    run_without_display("tests.unit.ui.window.machine.programs.power_menu")


def test_the_machine_menu_offers_the_other_screens_of_the_vm() -> None:
    run_without_display("tests.unit.ui.window.machine.programs.screens_of_a_vm")


def test_closing_the_window_of_a_started_vm_asks_and_force_needs_a_named_click() -> None:
    run_without_display("tests.unit.ui.window.machine.programs.closing")
