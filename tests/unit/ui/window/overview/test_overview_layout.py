"""Tiles lie beside each other, are equal, as large as they can be, and each can be reached by the keyboard."""

from hypothesis import given
from hypothesis import strategies as st

from ui.window.overview.overview_layout import CAPTION, GAP, Grid, Step, lay_out

counts = st.integers(1, 70)
widths = st.integers(1, 4000)
heights = st.integers(1, 3000)


def _fits(grid: Grid, height: int) -> bool:
    return grid.height <= height


@given(counts, widths, heights)
def test_tiles_are_equal_and_never_overlap(count: int, width: int, height: int) -> None:
    grid = lay_out(count, width, height)
    assert len(grid.cells) == count
    assert len({(each.width, each.height) for each in grid.cells}) == 1
    for index, cell in enumerate(grid.cells):
        assert cell.width >= 1 and cell.height > CAPTION and cell.left >= 0 and cell.top >= 0
        if width >= 2 * GAP + 1:
            assert cell.left + cell.width <= width, "no tile is cut off at the side"
        assert cell.bottom + GAP <= grid.height
        if index % grid.columns:
            assert cell.left >= grid.cells[index - 1].left + cell.width + GAP
        if index >= grid.columns:
            assert cell.top >= grid.cells[index - grid.columns].bottom + GAP


@given(counts, st.integers(300, 4000), st.integers(300, 3000))
def test_what_scrolls_would_be_too_small_otherwise(count: int, width: int, height: int) -> None:
    """A grid is higher than its area only if its tiles would be smaller than a person can recognise."""
    grid = lay_out(count, width, height)
    if not _fits(grid, height):
        assert grid.cells[0].width >= 220


@given(counts, st.integers(300, 4000), st.integers(300, 3000))
def test_larger_window_never_makes_tiles_smaller(count: int, width: int, height: int) -> None:
    before, after = lay_out(count, width, height), lay_out(count, width + 100, height + 100)
    if _fits(before, height):
        assert after.cells[0].width >= before.cells[0].width


@given(counts, st.integers(300, 4000), st.integers(300, 3000))
def test_keyboard_reaches_every_tile_and_leaves_none_out(count: int, width: int, height: int) -> None:
    grid = lay_out(count, width, height)
    reached, todo = {0}, [0]
    while todo:
        here = todo.pop()
        for step in Step:
            there = grid.neighbour(here, step)
            assert 0 <= there < count
            if there not in reached:
                reached.add(there)
                todo.append(there)
    assert reached == set(range(count))


def test_down_goes_to_the_last_tile_of_a_row_that_is_not_full_and_up_goes_back() -> None:
    grid = lay_out(5, 1100, 700)
    assert grid.columns == 3
    assert [grid.neighbour(each, Step.DOWN) for each in range(5)] == [3, 4, 4, 3, 4]
    assert [grid.neighbour(each, Step.UP) for each in range(5)] == [0, 1, 2, 0, 1]
    assert [grid.neighbour(each, Step.RIGHT) for each in range(5)] == [1, 2, 3, 4, 4]


def test_overview_without_tiles_has_a_layout() -> None:
    assert lay_out(0, 100, 100) == Grid(1, (), 0)
