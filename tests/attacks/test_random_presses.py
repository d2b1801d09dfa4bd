"""Whatever is pressed, in any order, while devices come, go, hang and refuse: no window is stuck, and nothing leaks."""

from tests.unit.command import run_without_display


def test_no_order_of_presses_leaves_a_window_stuck_or_opens_a_device_twice() -> None:
    run_without_display("tests.attacks.programs.random_presses", "1", "350")
