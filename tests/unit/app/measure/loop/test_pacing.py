"""When to poll and draw, on a clock of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.loop.loop_group import THUMBNAIL_PACE
from app.measure.loop.pacing import Pace, Pacer, pace_of

_MS = 1_000_000
_SECOND = 1000 * _MS


def test_a_flipping_guest_is_asked_every_millisecond_and_one_at_rest_less_often() -> None:
    pacer = Pacer(Pace(), 0)
    pacer.changed(0, flipped=True)
    assert pacer.next_poll(400 * _MS) == 1 * _MS
    assert pacer.next_poll(500 * _MS) == 4 * _MS
    assert pacer.next_poll(5 * _SECOND) == 25 * _MS
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


def test_a_guest_at_rest_is_looked_at_and_not_drawn() -> None:
    pacer = Pacer(Pace(redraw=10 * _MS), 0)
    pacer.drawn(0)
    assert pacer.redraw_due(499 * _MS) and pacer.probe_due(499 * _MS)
    assert not pacer.redraw_due(500 * _MS)
    assert pacer.probe_due(500 * _MS)


@pytest.mark.parametrize("event", ["pixels_changed", "woken"])
def test_changed_pixels_and_input_make_a_guest_active(event: str) -> None:
    pacer = Pacer(Pace(redraw=10 * _MS), 0)
    pacer.drawn(0)
    assert not pacer.redraw_due(_SECOND)
    getattr(pacer, event)(_SECOND)
    assert pacer.redraw_due(_SECOND)
    assert not pacer.redraw_due(2 * _SECOND)


def test_after_input_the_guest_is_polled_as_if_it_flipped() -> None:
    pacer = Pacer(Pace(), 0)
    assert pacer.next_poll(10 * _SECOND) == 25 * _MS
    pacer.woken(10 * _SECOND)
    assert pacer.next_poll(10 * _SECOND) == 1 * _MS


@given(st.lists(st.integers(0, _SECOND), min_size=1, max_size=30))
def test_looks_take_a_small_share_of_the_time_but_never_stop(costs: list[int]) -> None:
    """Whatever a look costs: of a slow bus, or of a machine that was busy for a moment."""
    pace = Pace()
    pacer, now, spent = Pacer(pace, 0), 0, 0
    for cost in costs:
        began = now
        while not pacer.probe_due(now):
            now += _MS
        assert now - began <= pace.probe_longest + _MS
        pacer.probed(now, now + cost)
        now += cost
        # A look that takes longer than the longest pause allows takes what it takes.
        spent += min(cost, pace.probe_longest // pace.probe_share)
        assert spent <= now // 32 + pace.probe_longest // pace.probe_share


def test_nothing_is_drawn_or_looked_at_where_nobody_sees_it() -> None:
    pacer = Pacer(Pace(), 0)
    pacer.changed(0, flipped=True)
    pacer.set_visible(False)
    assert pacer.next_poll(1) == 100 * _MS
    assert not pacer.redraw_due(_SECOND) and not pacer.probe_due(_SECOND)
    pacer.set_visible(True)
    assert pacer.next_poll(1) == 1 * _MS


def test_a_fixed_pace_does_not_step_down() -> None:
    """As QEMU's display polls: at the same interval in every state, and it draws what it polled."""
    pacer = Pacer(pace_of(30 * _MS), 0)
    for now in (0, 10 * _SECOND):
        pacer.changed(now, flipped=True)
        pacer.drawn(now)
        assert pacer.next_poll(now) == pacer.next_poll(now + 9 * _SECOND) == 30 * _MS
        assert not pacer.redraw_due(now + 29 * _MS) and pacer.redraw_due(now + 30 * _MS)
        assert pacer.redraw_due(now + 9 * _SECOND)
        assert not pacer.probe_due(now + 9 * _SECOND)


def test_polls_are_dense_around_the_time_of_an_expected_flip() -> None:
    pace = Pace()
    pacer = Pacer(pace, 0)
    for number in range(1, 8):
        pacer.changed(number * 16 * _MS, flipped=True, since=number * 16 * _MS - _MS // 4)
    flip = 8 * 16 * _MS
    assert pacer.next_poll(flip - 8 * _MS) == pace.poll
    assert pacer.next_poll(flip) == pace.poll_expected
    assert pacer.next_poll(flip - pace.expect_early - _MS // 2) <= _MS
    assert pacer.next_poll(flip + 2 * pace.expect_late) == pace.poll
    fixed = Pacer(Pace.fixed(30 * _MS), 0)
    for number in range(1, 8):
        fixed.changed(number * 16 * _MS, flipped=True, since=number * 16 * _MS - _MS // 4)
    assert fixed.next_poll(flip) == 30 * _MS


def test_a_pace_without_dense_polls_keeps_its_interval_for_a_guest_that_flips_regularly() -> None:
    """The thumbnails of an overview are polled together."""
    pacer = Pacer(THUMBNAIL_PACE, 0)
    for flip in range(1, 20):
        now = flip * 16_600_000
        pacer.changed(now, flipped=True, since=now - 1_000_000)
        for later in (0, 8_000_000, 16_400_000, 16_700_000):
            assert pacer.next_poll(now + later) == THUMBNAIL_PACE.poll
