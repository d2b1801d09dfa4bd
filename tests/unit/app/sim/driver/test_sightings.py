"""Which flip a query saw, although the guest shows the same buffers again and again."""

from hypothesis import given
from hypothesis import strategies as st

from app.sim.driver.sightings import Sightings


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(1, 3))
def test_each_poll_gets_the_flip_that_it_saw(flips: list[int], buffers: int) -> None:
    """Polls begin at 100, 200, ... and query the primary plane 10 later. So many flips come before each of them."""
    sightings = Sightings()
    polls, flip, flip_ns = [], 0, 40
    for number, made in enumerate(flips, 1):
        begin = number * 100
        flip += made
        flip_ns = begin - 60 if made else flip_ns
        sightings.add(flip % buffers, flip_ns, begin + 10, flip)
        assert sightings.of_handle(flip % buffers) == flip_ns
        polls.append((flip % buffers, begin, flip_ns))
    assert [sightings.of_poll(handle, begin, begin + 20) for handle, begin, _ in polls] == [each[2] for each in polls]
    assert sightings.lost == sum(max(0, made - 1) for made in flips[1:])


def test_the_same_handle_a_round_later_is_another_flip() -> None:
    sightings = Sightings()
    for number, handle in enumerate((1, 2, 3, 1)):
        sightings.add(handle, 1000 + number, 2000 + number, number)
    assert sightings.of_poll(1, 2000, 2000) == 1000
    assert sightings.of_poll(1, 2003, 2003) == 1003
    assert sightings.count == 4


def test_a_poll_of_long_ago_has_no_flip() -> None:
    sightings = Sightings()
    for number in range(10_000):
        sightings.add(number % 3, number * 10, number * 10 + 5, number)
    assert sightings.of_poll(0, 0, 9) is None
    assert sightings.of_poll(9_999 % 3, 99_990, 99_999) == 99_990
    assert sightings.count == 10_000


def test_a_handle_that_was_not_seen_has_no_flip() -> None:
    sightings = Sightings()
    assert sightings.of_handle(1) is None
    sightings.add(1, 10, 20, 1)
    assert sightings.of_poll(2, 15, 25) is None
