"""When to poll and draw, on a clock of our own."""

from app.measure.pacing import Pace, Pacer

_MS = 1_000_000
_SECOND = 1000 * _MS


def test_a_flipping_guest_is_asked_every_millisecond_and_one_at_rest_less_often() -> None:
    pacer = Pacer(Pace(), 0)
    pacer.changed(0, flipped=True)
    assert pacer.next_poll(400 * _MS) == 1 * _MS
    assert pacer.next_poll(500 * _MS) == 4 * _MS
    assert pacer.next_poll(5 * _SECOND) == 16 * _MS
    pacer.changed(6 * _SECOND, flipped=False)
    assert pacer.next_poll(6 * _SECOND + 1) == 1 * _MS


def test_an_unchanged_frame_is_drawn_again_at_the_displays_pace() -> None:
    pacer = Pacer(Pace(redraw=10 * _MS), 0)
    assert pacer.redraw_due(0)
    pacer.drawn(0)
    assert not pacer.redraw_due(9 * _MS)
    assert pacer.redraw_due(10 * _MS)


def test_while_the_guest_flips_the_display_is_kept_free_for_the_next_flip() -> None:
    pacer = Pacer(Pace(redraw=10 * _MS), 0)
    pacer.changed(0, flipped=True)
    pacer.drawn(0)
    assert not pacer.redraw_due(99 * _MS)
    assert pacer.redraw_due(100 * _MS)
    pacer.drawn(500 * _MS)
    assert pacer.redraw_due(510 * _MS, looked_at=False)


def test_a_moving_cursor_is_no_flip() -> None:
    """Behind it may be a guest with one buffer, which nothing but drawing again can follow."""
    pacer = Pacer(Pace(redraw=10 * _MS), 0)
    pacer.changed(0, flipped=False)
    pacer.drawn(0)
    assert pacer.redraw_due(10 * _MS)
