"""Modes that a device refuses, before anything is written."""

import pytest

from app.device.edid_mode import check_mode
from app.edid.mode import Mode
from app.errors import ResolutionRefused
from tests.unit.sim_tools import simulated


@pytest.mark.parametrize(
    ("spec", "mode", "said"),
    [
        ("gvt,size=640x480", Mode(2560, 1600), "which is 1920x1200"),
        ("gvt,size=640x480", Mode(1920, 1200, 480), "655.35 MHz"),
        ("mdpy", Mode(640, 480), "no EDID region"),
    ],
)
def test_a_refusal_is_one_line_that_names_the_limit(spec: str, mode: Mode, said: str) -> None:
    with simulated(spec) as (device, _), pytest.raises(ResolutionRefused) as caught:
        check_mode(device, mode)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_device_that_went_refuses_too() -> None:
    with simulated("gvt,size=640x480,fault=gone@0") as (device, _), pytest.raises(ResolutionRefused, match="read"):
        check_mode(device, Mode(640, 480))
