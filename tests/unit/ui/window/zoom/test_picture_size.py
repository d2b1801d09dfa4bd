"""How large the place for the picture becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planes.placement import Rect, Zoom, place
from ui.window.zoom.picture_size import picture_size

guests = st.tuples(st.integers(1, 8192), st.integers(1, 8192))
rooms = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
ratios = st.sampled_from([1.0, 1.25, 1.5, 1.75, 2.0, 3.0])
percents = st.none() | st.integers(25, 400)


@given(guests, rooms, ratios, percents, st.integers(0, 20))
def test_it_never_exceeds_the_room(
    guest: tuple[int, int], room: tuple[int, int], ratio: float, percent: int | None, bar: int
) -> None:
    size = picture_size(guest, room, ratio, percent, bar)
    assert 1 <= size[0] <= room[0] and 1 <= size[1] <= room[1]


@given(guests, rooms, ratios)
def test_the_picture_fills_it(guest: tuple[int, int], room: tuple[int, int], ratio: float) -> None:
    """No bars at its sides: at most what rounding to the window's units takes on each side."""
    width, height = picture_size(guest, room, ratio)
    if min(width, height) < 16:
        # A line of pixels has no shape that a window could have.
        return
    area = Rect(0, 0, round(width * ratio), round(height * ratio))
    where = place(guest, area).place
    rounding = max(ratio, 2) * max(1.0, max(guest) / min(guest))
    assert area.width - where.width <= rounding and area.height - where.height <= rounding


@pytest.mark.parametrize(
    ("guest", "room", "ratio", "expected"),
    [
        ((1024, 768), (1900, 1000), 1.0, (1024, 768)),
        ((1920, 1080), (1900, 1000), 1.0, (1777, 1000)),
        # One guest pixel is one device pixel on a dense screen.
        ((1920, 1080), (1900, 1000), 2.0, (960, 540)),
        ((1366, 768), (1900, 1000), 1.5, (911, 512)),
        # What would be too small to be read is a whole number of times larger, as long as that fits.
        ((1024, 768), (1900, 1000), 2.0, (1024, 768)),
        ((1024, 768), (600, 500), 2.0, (512, 384)),
        ((64, 64), (1900, 1000), 1.0, (640, 640)),
        ((320, 200), (1900, 1000), 1.0, (640, 400)),
        ((720, 400), (1900, 1000), 1.0, (720, 400)),
    ],
)
def test_examples(guest: tuple[int, int], room: tuple[int, int], ratio: float, expected: tuple[int, int]) -> None:
    assert picture_size(guest, room, ratio) == expected


def test_a_given_size_is_cut_off_with_place_for_the_bar() -> None:
    assert picture_size((1024, 768), (1900, 1000), 2.0, 100, 14) == (512, 384)
    assert picture_size((1024, 768), (1900, 700), 1.0, 100, 14) == (1038, 700)
    assert picture_size((1024, 768), (1000, 700), 1.0, 100, 14) == (1000, 700)


@given(guests, ratios, st.integers(25, 400))
def test_a_given_size_is_shown_whole_where_there_is_room(guest: tuple[int, int], ratio: float, percent: int) -> None:
    width, height = picture_size(guest, (100_000, 100_000), ratio, percent, 14)
    area = Rect(0, 0, round(width * ratio), round(height * ratio))
    where = place(guest, area, zoom=Zoom(percent)).place
    assert where.intersect(area) == where
