"""The pointer of the simulated guest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.sim.guest.cursor import SIZE, TIP, cursor_image, cursor_position, next_move_ns
from tests.unit.sim_tools import SECOND


def test_the_pointer_reaches_all_edges_with_its_tip() -> None:
    places = [cursor_position(round(number * SECOND / 60), 60, 800, 600) for number in range(60 * 77)]
    tips = np.array(places) + TIP
    assert tips.min(axis=0).tolist() == [0, 0]
    assert tips.max(axis=0).tolist() == [799, 599]
    steps = np.abs(np.diff(tips, axis=0)).max()
    assert steps <= 10


def test_the_pointer_is_premultiplied() -> None:
    image = cursor_image()
    assert image.shape == (SIZE, SIZE, 4)
    assert (image[..., :3] <= image[..., 3:]).all()
    assert image[TIP[1] + 2, TIP[0] + 1].tolist() == [255, 255, 255, 255]
    assert 0 < image[TIP[1] + 16, TIP[0] + 12, 3] < 255


@given(st.integers(0, 10**12), st.floats(0.1, 1000))
def test_it_does_not_move_before_its_next_move(now: int, fps: float) -> None:
    move = next_move_ns(now, fps)
    assert now < move <= now + 16_666_668
    # The last nanoseconds may be lost in a quotient.
    before = max(now, move - 10)
    assert cursor_position(before, fps, 4000, 4000) == cursor_position(now, fps, 4000, 4000)
