"""Asking for a resolution by the EDID region: what a device refuses, and what it was told."""

import pytest

from app.edid.make import DEFAULT_DPI
from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused
from app.host.larger_type import SizedType
from app.vfio.edid_resolution import EdidResolution
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
        EdidResolution(device).check(mode)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_mode_beyond_the_device_names_a_larger_type_and_another_refusal_does_not() -> None:
    larger = (SizedType("i915-GVTg_V9_1", Limits(3840, 2160), left=2),)
    with simulated("gvt,size=640x480") as (device, _):
        resolution = EdidResolution(device, types=larger)
        with pytest.raises(ResolutionRefused) as beyond:
            resolution.check(Mode(2560, 1440))
        with pytest.raises(ResolutionRefused) as too_fast:
            resolution.check(Mode(1920, 1200, 480))
    assert str(beyond.value) == (
        "cannot set 2560x1440@60: 2560x1440 is more than the device allows, which is 1920x1200; "
        "choose a smaller mode; a larger type takes it: i915-GVTg_V9_1 (3840x2160, 2 left)"
    )
    assert "larger type" not in str(too_fast.value)


def test_a_device_that_went_refuses_too() -> None:
    with simulated("gvt,size=640x480,fault=gone@0") as (device, _), pytest.raises(ResolutionRefused, match="read"):
        EdidResolution(device).check(Mode(640, 480))


@pytest.mark.parametrize("whole", [True, False])
def test_what_the_guest_was_told_last_is_set(whole: bool) -> None:
    first, second = Mode(640, 480), Mode(800, 600)
    with simulated("gvt,size=640x480") as (device, _):
        resolution = EdidResolution(device)
        assert resolution.is_set(first) and not resolution.is_set(second)
        resolution.begin(second, DEFAULT_DPI)
        resolution.step()
        while whole and resolution.step() is not None:
            pass
        resolution.finish()
        assert resolution.is_set(second) and not resolution.is_set(first)
