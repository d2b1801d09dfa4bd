"""Drawing on the simulated guest's picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.sim.guest.drawing import PixelRect, blend


@given(st.integers(-70, 70), st.integers(-70, 70))
def test_blending_is_clipped_at_the_edges(left: int, top: int) -> None:
    picture = np.full((40, 50, 4), 100, np.uint8)
    blend(picture, left, top, np.full((20, 20, 4), 255, np.uint8))
    covered = PixelRect(left, top, left + 20, top + 20).clipped(50, 40)
    area = covered.width * covered.height if covered else 0
    assert (picture == 255).all(axis=2).sum() == area
