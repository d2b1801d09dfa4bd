"""Where the loupe lies, and when it reads pixels."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.command import run_without_display
from ui.window.picture.loupe import beside

_SIZE, _GAP = (260, 330), 28


@given(st.tuples(st.integers(1, 4000), st.integers(1, 3000)), st.data())
def test_it_is_inside_the_window_and_never_over_the_pixel_if_there_is_room(
    target: tuple[int, int], data: st.DataObject
) -> None:
    x, y = (data.draw(st.integers(0, each - 1)) + 0.5 for each in target)
    left, top = beside((x, y), _SIZE, target, _GAP)
    assert left >= 0 and top >= 0
    for corner, length, limit in zip((left, top), _SIZE, target, strict=True):
        assert corner + length <= limit or corner == 0
    covers = left <= x < left + _SIZE[0] and top <= y < top + _SIZE[1]
    roomy = any(2 * (length + _GAP + 1) <= limit for length, limit in zip(_SIZE, target, strict=True))
    assert not (covers and roomy)


def test_it_reads_at_a_limited_pace_and_shows_where_the_pointer_was_last() -> None:
    run_without_display("tests.unit.ui.window.picture.programs.loupe_pace")
