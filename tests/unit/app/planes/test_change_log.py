"""What a reader of a buffer is told of its changes."""

import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from app.planes.change_log import MOST_NOTES, MOST_RECTS, NEVER_READ, ChangeLog
from app.planes.damage import DamagedRect

_ONE = DamagedRect(1, 2, 3, 4)
_TWO = DamagedRect(5, 6, 7, 8)


def test_first_reader_reads_everything() -> None:
    log = ChangeLog()
    version, rects = log.since(NEVER_READ)
    assert rects is None
    assert log.since(version) == (version, ())


def test_readers_at_different_versions_get_what_they_missed() -> None:
    log = ChangeLog()
    first = log.since(NEVER_READ).version
    log.note([_ONE])
    second = log.since(first)
    assert second.rects == (_ONE,)
    log.note([_TWO])
    assert log.since(second.version).rects == (_TWO,)
    assert log.since(first).rects == (_ONE, _TWO)
    log.note([])
    assert log.since(log.since(NEVER_READ).version).rects == ()


def test_reader_that_missed_too_much_reads_everything() -> None:
    log = ChangeLog()
    version = log.since(NEVER_READ).version
    for _ in range(MOST_NOTES):
        log.note([_ONE])
    assert log.since(version).rects == (_ONE,) * MOST_NOTES
    log.note([_ONE])
    assert log.since(version).rects is None


def test_note_of_many_rectangles_is_kept_as_one_of_everything() -> None:
    log = ChangeLog()
    version = log.since(NEVER_READ).version
    log.note([_ONE] * (MOST_RECTS + 1))
    assert log.since(version).rects is None


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 3))), st.data())
def test_a_change_is_never_lost(notes: list[int | None], data: st.DataObject) -> None:
    """Each note has rectangles of its own; None is a change of everything. The reader sometimes reads after a note."""
    log, version, missed, everything = ChangeLog(), NEVER_READ, set[DamagedRect](), True
    for number, note in enumerate(notes):
        if note is None:
            log.note_all()
            everything = True
        else:
            rects = [DamagedRect(number, each, 1, 1) for each in range(note)]
            log.note(rects)
            missed.update(rects)
        if data.draw(st.booleans()):
            changes = log.since(version)
            assert changes.rects is None or (not everything and set(changes.rects) == missed)
            version, missed, everything = changes.version, set(), False


def test_changes_that_threads_note_at_the_same_time_all_arrive() -> None:
    log = ChangeLog()
    version = log.since(NEVER_READ).version
    start = threading.Barrier(4)

    def write(column: int) -> None:
        start.wait(10)
        for row in range(10):
            log.note([DamagedRect(column, row, 1, 1)])

    threads = [threading.Thread(target=write, args=(column,)) for column in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    rects = log.since(version).rects
    assert rects is not None and len(rects) == len(set(rects)) == 40
