"""A tile opens its vGPU only through a VM, asks for nothing by itself, and lets go at once."""

import pytest

from tests.unit.command import run_without_display


@pytest.mark.parametrize("case", ["free", "vm", "removed", "refused", "busy", "window"])
def test_what_a_tile_opens_and_closes(case: str) -> None:
    run_without_display("tests.unit.ui.window.programs.overview_sources", case)
