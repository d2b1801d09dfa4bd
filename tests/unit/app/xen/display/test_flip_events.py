from hypothesis import given
from hypothesis import strategies as st

from app.xen.display.flip_events import LONGEST_NS, FlipEvents


def test_a_flip_is_done_when_its_frame_or_a_later_one_was_shown() -> None:
    flips = FlipEvents()
    flips.flipped(1, 5, 0)
    assert not flips.shown(4)
    assert flips.take_due(1) == [] and flips.due_ns() == LONGEST_NS
    assert flips.shown(6) and flips.due_ns() == 0
    assert flips.take_due(1) == [1]
    assert flips.due_ns() is None


def test_a_flip_that_is_not_shown_is_done_after_one_refresh() -> None:
    flips = FlipEvents()
    flips.flipped(1, 5, 100)
    assert flips.take_due(99 + LONGEST_NS) == []
    assert flips.take_due(100 + LONGEST_NS) == [1]


_STEPS = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, 3)),
    st.tuples(st.just("shown"), st.integers(0, 20)),
    st.tuples(st.just("due"), st.integers(0, LONGEST_NS)),
)


@given(st.lists(_STEPS))
def test_every_flip_gets_one_event_in_its_order(steps: list[tuple[str, int]]) -> None:
    flips, now_ns = FlipEvents(), 0
    flipped: list[int] = []
    told: list[int] = []
    for what, value in steps:
        if what == "flip":
            flips.flipped(value, len(flipped), now_ns)
            flipped.append(value)
        elif what == "shown":
            flips.shown(value)
        else:
            now_ns += value
            told += flips.take_due(now_ns)
    told += flips.take_due(now_ns + LONGEST_NS)
    assert told == flipped
