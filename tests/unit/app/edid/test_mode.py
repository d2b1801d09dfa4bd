"""Modes as text."""

import re

import pytest

from app.edid.mode import Mode, parse_mode


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("1920x1080", Mode(1920, 1080, 60.0)),
        (" 2560X1440@59.94Hz ", Mode(2560, 1440, 59.94)),
        ("64x64@480", Mode(64, 64, 480.0)),
    ],
)
def test_modes_are_understood(text: str, mode: Mode) -> None:
    assert parse_mode(text) == mode
    assert parse_mode(str(mode)) == mode


@pytest.mark.parametrize("text", ["", "1920", "1920x", "x1080", "1920*1080", "1920x1080@", "-5x64", "٦٤x64", "63x64"])
@pytest.mark.parametrize("tail", ["", "@19", "@481", "@1e2", "@nan"])
def test_what_is_no_mode_is_refused_in_one_sentence(text: str, tail: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text + tail))):
        parse_mode(text + tail)
