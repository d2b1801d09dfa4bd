"""A session that is opened on another thread."""

import pytest

from tests.unit.command import run_without_display


@pytest.mark.parametrize("end", ["opened", "failed", "closed"])
def test_session_or_error_reaches_the_event_loop(end: str) -> None:
    run_without_display("tests.unit.ui.window.programs.pending_session", end)
