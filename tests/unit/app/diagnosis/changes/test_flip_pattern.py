"""When flips are told, and when they are not."""

from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.changes.flip_pattern import FlipPattern, Flips

SECOND = 1_000_000_000


def _run(pattern: FlipPattern, ids: list[int], hz: float, start_ns: int = 0) -> tuple[list[int], list[Flips], int]:
    """Flip to each id in turn. Which flips were news, what was reported, and the time of the last flip."""
    news, reports, ns = [], [], start_ns
    for number, each in enumerate(ids):
        ns = start_ns + round(number * SECOND / hz)
        told = pattern.report(ns)
        reports += [told] if told is not None else []
        news += [each] if pattern.flip(each, ns) else []
    return news, reports, ns


def test_a_round_of_three_is_told_once_and_then_every_ten_seconds() -> None:
    news, reports, _ = _run(FlipPattern(), [1, 2, 3] * 20 * 30, 60)
    assert news == [1, 2, 3]
    assert [each.ids for each in reports] == [(1, 2, 3)] * 3, "after 1 s, 11 s and 21 s of 30 s"
    assert all(each.rate_hz is not None and 59 < each.rate_hz < 61 for each in reports)


def test_a_new_id_is_told_at_once_and_its_round_a_second_later() -> None:
    pattern = FlipPattern()
    _, _, ns = _run(pattern, [1, 2] * 90, 60)
    news, reports, _ = _run(pattern, [1, 2, 7] * 40, 60, ns + SECOND // 60)
    assert news == [7]
    assert reports[0].ids == (1, 2, 7)


def test_an_end_of_the_flips_is_told_with_the_last_id() -> None:
    pattern = FlipPattern()
    _, _, ns = _run(pattern, [1, 2, 3] * 40, 60)
    due = pattern.due_ns
    assert due == ns + SECOND
    assert pattern.report(due - 1) is None
    told = pattern.report(due)
    assert told is not None and (told.last, told.rate_hz) == (3, None)
    assert pattern.due_ns is None and pattern.report(due + 100 * SECOND) is None
    assert pattern.flip(1, due + 5 * SECOND), "the first flip after a pause is news"


def test_slow_flips_are_told_one_by_one() -> None:
    news, reports, _ = _run(FlipPattern(), [1, 2, 1, 2, 1], 0.5)
    assert (news, reports) == ([1, 2, 1, 2, 1], [])


def test_a_few_flips_that_were_not_told_are_told_when_they_end() -> None:
    pattern = FlipPattern()
    _, _, ns = _run(pattern, [1, 2, 1], 60)
    told = pattern.report(ns + SECOND)
    assert told is not None and told.last == 1


def test_a_guest_with_a_new_id_for_each_flip_is_told_of_every_ten_seconds() -> None:
    pattern = FlipPattern()
    _, reports, _ = _run(pattern, list(range(60 * 35)), 60)
    assert 3 <= len(reports) <= 4
    assert len(pattern._known) <= 1024


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, SECOND // 10)), max_size=300))
def test_any_flips_are_told_once_a_second_at_most(steps: list[tuple[int, int]]) -> None:
    """A guest may give each framebuffer a new id, as often as it likes."""
    pattern, ns, reports = FlipPattern(), 0, 0
    for number, pause in steps:
        ns += pause
        reports += pattern.report(ns) is not None
        pattern.flip(number, ns)
    assert reports <= ns / SECOND + 1
    assert len(pattern._known) <= 1024
