"""The flips that a guest's process and its parent share."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from app.sim.guest.guest import Flip
from app.sim.guest_process.shared_state import FLIPS_KEPT, FlipRing


@contextmanager
def ring() -> Iterator[FlipRing]:
    made = FlipRing(memoryview(bytearray(FlipRing.size())))
    try:
        yield made
    finally:
        made.release()


@settings(max_examples=10)
@given(st.sampled_from([0, 1, 7, FLIPS_KEPT - 1, FLIPS_KEPT, FLIPS_KEPT + 1, 2 * FLIPS_KEPT + 5]))
def test_the_last_flips_are_kept_in_their_order(count: int) -> None:
    with ring() as flips:
        for number in range(count):
            flips.add(Flip(number, number + 1, number + 2))
        assert flips.count == count
        # The one that the writer may be overwriting is not given.
        first = max(0, count + 1 - FLIPS_KEPT)
        assert flips.last() == [Flip(number, number + 1, number + 2) for number in range(first, count)]


def test_as_many_flips_are_kept_as_a_report_needs() -> None:
    assert FLIPS_KEPT >= 16384
