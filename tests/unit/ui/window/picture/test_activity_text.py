"""Whether the picture changes, in words."""

import pytest

from app.measure.record.picture_rates import Rates
from ui.window.picture.activity_text import activity_text


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
