"""The chooser of a vGPU."""

from tests.unit.command import run_without_display


def test_without_libudev_vgpus_are_listed() -> None:
    run_without_display("tests.unit.ui.window.programs.chooser_without_libudev")
