"""The desktop of the simulated guest."""

import numpy as np
import pytest

from tests.unit.sim_tools import simulated, true_picture


@pytest.mark.parametrize("size", ["64x64", "65x64", "299x219", "300x220", "640x480", "1024x64", "64x1024"])
def test_a_desktop_can_be_drawn_at_any_size(size: str) -> None:
    with simulated(f"gvt,size={size},format=YUYV,cursor=off") as (device, _):
        picture = true_picture(device)
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 50
