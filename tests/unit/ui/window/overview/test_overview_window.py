"""The overview of a host: VMs appear and go by themselves."""

from pathlib import Path

from tests.unit.command import run_without_display


def test_tiles_follow_the_vms_of_the_host(tmp_path: Path) -> None:
    run_without_display("tests.unit.ui.window.programs.overview_of_host", str(tmp_path))


def test_vms_with_a_dbus_display_have_tiles_that_disturb_no_other_viewer(tmp_path: Path) -> None:
    run_without_display("tests.unit.ui.window.programs.overview_of_displays", str(tmp_path))
