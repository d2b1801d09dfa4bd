"""Whether the picture changes, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.picture.host_facts import RunState
from app.measure.record.picture_rates import Rates
from ui.window.picture.activity_text import activity_text, duration_text


@pytest.mark.parametrize(
    ("rates", "text"),
    [
        (Rates(60, 0), "60 fps"),
        (Rates(5, 55), "5 fps, 55 cursor moves/s"),
        (Rates(0, 1), "0 fps, 1 cursor move/s"),
        (Rates(), ""),
    ],
)
def test_cursor_moves_are_no_frames(rates: Rates, text: str) -> None:
    assert activity_text(rates) == text


@pytest.mark.parametrize(
    ("seconds", "run_state", "text"),
    [
        (None, None, ""),
        (4.9, None, ""),
        (5.0, None, "unchanged for 5 s"),
        (14.9, RunState.RUNNING, "unchanged for 10 s"),
        (12.0, RunState.PAUSED, "unchanged for 10 s, VM paused"),
        (61.0, RunState.SHUT_DOWN, "unchanged for 1 min, VM shut down"),
        (7300.0, RunState.STOPPED, "unchanged for 2 h, VM stopped"),
    ],
)
def test_a_picture_that_stays_as_it_is_says_for_how_long(
    seconds: float | None, run_state: RunState | None, text: str
) -> None:
    assert activity_text(Rates(), seconds, run_state) == text
    assert activity_text(Rates(1, 0), seconds, run_state) == "1 fps", "the first change ends it"


_UNITS = {"s": 1, "min": 60, "h": 3600}


@given(st.floats(5, 1e7))
def test_a_duration_is_rounded_down_in_steps_that_grow(seconds: float) -> None:
    number, unit = duration_text(seconds).split()
    step = 5 if unit == "s" else _UNITS[unit]
    told = int(number) * _UNITS[unit]
    assert told > 0 and told <= seconds < told + step
