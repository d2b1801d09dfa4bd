"""The overlay as pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.window.picture.overlay_picture import COLUMNS, GRAPH_HEIGHT, WIDTH, draw_bars, milliseconds, scale_ns

MS = 1_000_000


def background(ratio: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.zeros((round(GRAPH_HEIGHT * ratio), round(WIDTH * ratio), 4), np.uint8)


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_a_bar_reaches_from_the_least_to_the_greatest_value_of_its_column(ratio: float) -> None:
    low, high = np.full(COLUMNS, np.nan), np.full(COLUMNS, np.nan)
    low[10], high[10] = 5 * MS, 15 * MS
    low[20] = high[20] = 18 * MS
    picture = draw_bars(background(ratio), low, high, 20 * MS, 16 * MS, ratio)
    columns = np.flatnonzero(picture.any(axis=(0, 2)))
    left = round((WIDTH - COLUMNS) / 2 * ratio)
    assert set(((columns - left) / ratio).astype(int)) == {10, 20}
    usual, late = picture[:, columns[0]], picture[:, columns[-1]]
    bright = (usual == usual[np.flatnonzero(usual[:, 3])[0]]).all(axis=1)
    # Half of the scale, which is 52 high.
    assert abs(np.count_nonzero(bright) - 26 * ratio) <= 1
    assert abs(np.count_nonzero(usual[:, 3]) - 39 * ratio) <= 1
    assert abs(np.count_nonzero(late[:, 3]) - 47 * ratio) <= 2
    assert not (late[:, None] == usual[usual[:, 3] > 0][None]).all(axis=2).any(), "late frames have their own colours"


_NS = st.floats(0, 1e13)


@given(st.dictionaries(st.integers(0, COLUMNS - 1), st.tuples(_NS, _NS)), st.sampled_from([1.0, 1.7, 2.0]))
def test_nothing_is_drawn_beside_the_graph_and_only_where_there_are_values(
    values: dict[int, tuple[float, float]], ratio: float
) -> None:
    low, high = np.full(COLUMNS, np.nan), np.full(COLUMNS, np.nan)
    for column, pair in values.items():
        low[column], high[column] = min(pair), max(pair)
    picture = draw_bars(background(ratio), low, high, 20 * MS, 16 * MS, ratio)
    drawn = np.flatnonzero(picture.any(axis=(0, 2)))
    margin = (WIDTH - COLUMNS) / 2
    assert all(margin * ratio - 1 <= each <= (WIDTH - margin) * ratio + 1 for each in drawn)
    assert (len(drawn) > 0) == (len(values) > 0)
    # Premultiplied: no colour is greater than its alpha.
    assert (picture[..., :3] <= picture[..., 3:]).all()


def test_the_scale_holds_the_greatest_value_and_words_have_three_digits() -> None:
    assert [scale_ns(ns) for ns in (0, MS, MS + 1, 16.7 * MS, 9e12)] == [MS, MS, 2 * MS, 20 * MS, 1000 * MS]
    assert [milliseconds(ns) for ns in (math.nan, 1_234_000, 12_340_000, 123_400_000)] == [
        "–",
        "1.23 ms",
        "12.3 ms",
        "123 ms",
    ]
