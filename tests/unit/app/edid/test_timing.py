"""Timings with reduced blanking, against edid-decode."""

import re
import subprocess

import pytest

from app.edid.mode import Mode
from app.edid.timing import Reduction, reduced_blanking


@pytest.mark.usefixtures("edid_decode")
@pytest.mark.parametrize("size", [(1024, 768), (1280, 1024), (1920, 1080), (1920, 1200), (3840, 2160)])
@pytest.mark.parametrize("refresh", [50, 60, 144])
@pytest.mark.parametrize("reduction", Reduction)
def test_blanking_is_that_of_cvt(size: tuple[int, int], refresh: int, reduction: Reduction) -> None:
    """All but the clock, which CVT rounds down to where 60 Hz are 59.93."""
    wanted = f"w={size[0]},h={size[1]},fps={refresh},rb={reduction.value}"
    said = subprocess.run(["edid-decode", "--cvt", wanted], capture_output=True, check=True, text=True).stdout
    figures = {key: int(value) for key, value in re.findall(r"([HV](?:front|sync|back)) +(\d+)", said)}
    timing = reduced_blanking(Mode(*size, refresh), reduction)
    assert (timing.h_front, timing.h_sync, timing.v_front, timing.v_sync) == (
        figures["Hfront"],
        figures["Hsync"],
        figures["Vfront"],
        figures["Vsync"],
    )
    assert timing.h_blank - timing.h_front - timing.h_sync == figures["Hback"]
    assert timing.v_blank - timing.v_front - timing.v_sync == figures["Vback"]
