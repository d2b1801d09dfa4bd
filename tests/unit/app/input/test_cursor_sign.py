"""The side of the edge on which a cursor is whose driver dropped the sign."""

from hypothesis import given
from hypothesis import strategies as st

from app.input.cursor_sign import SignedAxis, agrees

EXTENTS = st.sampled_from([64, 128, 256])
PIXELS = st.integers(0, 2000)


@st.composite
def cursors(draw: st.DrawFn) -> tuple[int, int, int]:
    """The extent of an image, its hot spot, and the pixel of the pointer: near the edge, mostly."""
    extent = draw(EXTENTS)
    return extent, draw(st.integers(0, extent - 1)), draw(st.integers(0, 2 * extent) | PIXELS)


@given(cursors(), st.booleans())
def test_with_a_hot_spot_each_position_is_right(cursor: tuple[int, int, int], settled: bool) -> None:
    extent, hot, sent = cursor
    true = sent - hot
    assert SignedAxis().place(abs(true), extent, hot, sent, settled=settled) == true


@given(cursors(), st.integers(-1, 1))
def test_without_a_hot_spot_only_what_must_be_negative_is(cursor: tuple[int, int, int], rounding: int) -> None:
    extent, hot, sent = cursor
    # The end of the tablet's axis is not rounded.
    true = sent - hot + (rounding if sent else 0)
    placed = SignedAxis().place(abs(true), extent, None, sent, settled=True)
    assert placed == true or (placed == -true > 0 and agrees(placed, extent, sent)), "both sides are possible"
    if sent == 0:
        assert placed == true


@given(cursors(), st.integers(0, 5000))
def test_a_hot_spot_that_was_seen_far_from_the_edge_makes_each_position_right(
    cursor: tuple[int, int, int], distance: int
) -> None:
    extent, hot, sent = cursor
    axis, far = SignedAxis(), 2 * extent + distance
    assert axis.place(far - hot, extent, None, far, settled=True) == far - hot
    true = sent - hot
    assert axis.place(abs(true), extent, None, sent, settled=False) == true
    axis.forget()
    assert axis.place(abs(true), extent, None, sent, settled=False) == abs(true)


@given(cursors(), PIXELS)
def test_a_cursor_that_somebody_else_moved_stays_as_it_is_reported(cursor: tuple[int, int, int], other: int) -> None:
    """The hot spot is known, and the pointer that was sent is far from the cursor."""
    extent, hot, sent = cursor
    reported = other - hot
    if reported > 0 and min(abs(sent - hot + reported), abs(sent - other)) > extent // 4:
        assert SignedAxis().place(reported, extent, hot, sent, settled=True) == reported


@given(st.integers(0, 0xFFFF_FFFF) | st.integers(-(1 << 31), -1), EXTENTS, st.none() | st.integers(0, 63), PIXELS)
def test_whatever_a_driver_reports_only_the_sign_changes(
    reported: int, extent: int, hot: int | None, sent: int
) -> None:
    placed = SignedAxis().place(reported, extent, hot, sent, settled=True)
    assert placed == reported or (placed == -reported and -extent < placed < 0)
