"""Endless motion from a pointer that is moved back to the middle."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from app.input.warp import Warp

MIDDLE, REACH, EDGE = (500, 400), 150.0, 400

small = st.integers(-60, 60)


@given(
    st.tuples(st.integers(100, 900), st.integers(0, 800)),
    st.lists(st.tuples(small, small, st.integers(0, 3), st.booleans()), max_size=60),
)
def test_no_jump_counts_as_motion_and_no_motion_is_lost(
    start: tuple[int, int], moves: list[tuple[int, int, int, bool]]
) -> None:
    """Events come late, and some are merged, as Qt does it while the window is busy."""
    pointer = list(MIDDLE)
    warp = Warp(start, MIDDLE, REACH)
    # The first jump was asked for before any event.
    late: deque[tuple[int, int]] = deque([MIDDLE])
    went, seen = [0, 0], [0.0, 0.0]

    def deliver(count: int) -> None:
        while len(late) > count:
            (x, y), jump = warp.moved(*late.popleft())
            seen[0] += x
            seen[1] += y
            if jump:
                pointer[:] = MIDDLE
                late.append(MIDDLE)

    deliver(0)
    was_merged = False
    for dx, dy, delay, merged in moves:
        far_away = max(abs(pointer[0] - MIDDLE[0]), abs(pointer[1] - MIDDLE[1])) > REACH
        distance = max(abs(pointer[0] + dx - MIDDLE[0]), abs(pointer[1] + dy - MIDDLE[1]))
        # Nobody moves back near the middle in the moment before a jump: that could be the jump itself.
        if distance > EDGE or (far_away and distance <= REACH):
            continue
        pointer[0] += dx
        pointer[1] += dy
        went[0] += dx
        went[1] += dy
        # A jump with two motions in one event would be no longer than these.
        was_merged = merged and bool(late) and not was_merged
        if was_merged:
            late.pop()
        late.append((pointer[0], pointer[1]))
        deliver(delay)
    deliver(0)
    assert seen == went
