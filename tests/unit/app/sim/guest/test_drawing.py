"""Drawing on the simulated guest's picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.sim.guest.drawing import PixelRect, blend, merged


@given(st.integers(-70, 70), st.integers(-70, 70))
def test_blending_is_clipped_at_the_edges(left: int, top: int) -> None:
    picture = np.full((40, 50, 4), 100, np.uint8)
    blend(picture, left, top, np.full((20, 20, 4), 255, np.uint8))
    covered = PixelRect(left, top, left + 20, top + 20).clipped(50, 40)
    area = covered.width * covered.height if covered else 0
    assert (picture == 255).all(axis=2).sum() == area


_RECTS = st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(1, 20)] * 2).map(
    lambda each: PixelRect(each[0], each[1], each[0] + each[2], each[1] + each[3])
)


@given(st.lists(_RECTS, max_size=8))
def test_merged_rectangles_cover_the_same_pixels_with_fewer(rects: list[PixelRect]) -> None:
    covered = np.zeros((60, 60), bool)
    for rect in merged(rects):
        covered[rect.top : rect.bottom, rect.left : rect.right] = True
    assert all(covered[rect.top : rect.bottom, rect.left : rect.right].all() for rect in rects)
    assert sum(each.area for each in merged(rects)) <= sum(each.area for each in rects)
    assert merged(rects[:1] * 3) == rects[:1]
