"""Which parts of a picture are read again after it changed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.planes.damage import MOST_MERGED, DamagedRect, merged

_WIDTH, _HEIGHT = 60, 40
_FAR = st.sampled_from([-(1 << 31), 0, (1 << 31) - 1])
_PLACE = st.integers(-8, 68) | _FAR
_RECTS = st.lists(st.builds(DamagedRect, _PLACE, _PLACE, _PLACE, _PLACE), max_size=3 * MOST_MERGED)


def _covered(rects: list[DamagedRect]) -> np.ndarray:
    """Which pixels of the picture the rectangles cover."""
    found = np.zeros((_HEIGHT, _WIDTH), bool)
    for each in rects:
        left, top = max(0, each.x), max(0, each.y)
        right, bottom = max(0, each.x + each.width), max(0, each.y + each.height)
        found[top:bottom, left:right] = True
    return found


@settings(deadline=None)
@given(_RECTS, st.integers(0, 500))
def test_no_pixel_is_lost_and_none_is_outside(rects: list[DamagedRect], cost: int) -> None:
    found = merged(rects, _WIDTH, _HEIGHT, cost)
    assert not (_covered(rects) & ~_covered(found)).any()
    for each in found:
        assert 0 <= each.x < each.x + each.width <= _WIDTH
        assert 0 <= each.y < each.y + each.height <= _HEIGHT
    assert len(found) <= MOST_MERGED


_SMALL = st.builds(
    DamagedRect, st.integers(0, _WIDTH - 9), st.integers(0, _HEIGHT - 9), st.integers(1, 9), st.integers(1, 9)
)


@settings(deadline=None)
@given(st.lists(_SMALL, max_size=9), st.integers(0, 90))
def test_merging_is_worth_it(rects: list[DamagedRect], cost: int) -> None:
    """It never costs more than the rectangles as they came, and no two of the result are better as one."""
    found = merged(rects, _WIDTH, _HEIGHT, cost)
    assert sum(each.area + cost for each in found) <= sum(each.area + cost for each in rects)
    for index, each in enumerate(found):
        for other in found[:index]:
            assert each.united(other).area > each.area + other.area + cost


def test_many_rectangles_far_apart_become_one() -> None:
    rects = [DamagedRect(each * 10, each * 10, 1, 1) for each in range(MOST_MERGED + 1)]
    assert merged(rects[1:], 1000, 1000, 0) == rects[1:]
    assert merged(rects, 1000, 1000, 0) == [DamagedRect(0, 0, 10 * MOST_MERGED + 1, 10 * MOST_MERGED + 1)]


def test_lines_of_text_become_one_block_and_a_far_clock_stays_alone() -> None:
    lines = [DamagedRect(10, 100 + 16 * each, 600, 16) for each in range(10)]
    clock = DamagedRect(1800, 1040, 100, 30)
    assert merged([*lines, clock], 1920, 1080, 1000) == [DamagedRect(10, 100, 600, 160), clock]
