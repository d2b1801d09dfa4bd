"""The chooser of a screen."""

import pytest

from tests.unit.command import run_without_display


def test_without_libudev_vgpus_are_listed() -> None:
    run_without_display("tests.unit.ui.window.programs.chooser_without_libudev")


@pytest.mark.parametrize("way", ["chosen", "ended"])
def test_chooser_leaves_nothing_behind(way: str) -> None:
    run_without_display("tests.unit.ui.window.programs.chooser_that_is_left", way)


def test_vms_come_and_go_while_the_chooser_is_open() -> None:
    run_without_display("tests.unit.ui.window.programs.chooser_follows_the_host")
