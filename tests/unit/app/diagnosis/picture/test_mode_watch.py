"""A mode that the guest was asked for, and what it did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.picture.mode_watch import PATIENCE_S, ModeWatch
from app.diagnosis.picture.picture_facts import ModeRequest
from app.edid.mode import Mode

OLD, ASKED = (1024, 768), Mode(1366, 768)
PATIENCE_NS = round(PATIENCE_S * 1_000_000_000)


def watched(shown: tuple[int, int] | None = OLD, ns: int = 0) -> ModeWatch:
    watch = ModeWatch()
    watch.asked(ASKED, shown, ns)
    return watch


def test_a_guest_gets_ten_seconds_and_is_late_afterwards() -> None:
    watch = watched(ns=7)
    assert watch.late(7 + PATIENCE_NS - 1) is None
    assert watch.late(7 + PATIENCE_NS) == ModeRequest(1366, 768, OLD)
    watch.saw((640, 480))
    assert watch.late(7 + PATIENCE_NS) is not None, "it took another mode"


@pytest.mark.parametrize("shown", [(1366, 768), (1360, 768)])
def test_a_mode_that_was_taken_is_done_with_whatever_follows(shown: tuple[int, int]) -> None:
    watch = watched()
    watch.saw(None)
    watch.saw(shown)
    watch.saw(OLD)
    assert watch.late(10 * PATIENCE_NS) is None
    assert watched(shown).late(10 * PATIENCE_NS) is None, "it had that mode before"


def test_another_request_starts_anew_and_another_device_ends_it() -> None:
    watch = watched()
    watch.asked(Mode(1920, 1080), OLD, PATIENCE_NS)
    assert watch.late(PATIENCE_NS) is None
    assert watch.late(2 * PATIENCE_NS) == ModeRequest(1920, 1080, OLD)
    watch.forget()
    assert watch.late(2 * PATIENCE_NS) is None


sizes = st.tuples(st.integers(64, 16384), st.integers(64, 16384))


@given(asked=sizes, shown=sizes)
def test_only_the_size_itself_or_its_next_cell_is_taken(asked: tuple[int, int], shown: tuple[int, int]) -> None:
    watch = ModeWatch()
    watch.asked(Mode(*asked), None, 0)
    watch.saw(shown)
    taken = asked[1] == shown[1] and asked[0] - 7 <= shown[0] <= asked[0]
    assert (watch.late(PATIENCE_NS) is None) is taken
