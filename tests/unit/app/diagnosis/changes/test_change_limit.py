"""How many changes of one kind are told."""

from app.diagnosis.changes.change import Change, ChangeKind
from app.diagnosis.changes.change_limit import ChangeLimit
from app.planes.plane import PlaneKind

SECOND = 1_000_000_000


def _change(ns: int, kind: ChangeKind = ChangeKind.SIZE, plane: PlaneKind | None = PlaneKind.PRIMARY) -> Change:
    return Change(ns, kind, f"size at {ns}", plane, {"width": ns})


def _told(limit: ChangeLimit, changes: list[Change]) -> list[Change]:
    told: list[Change] = []
    for each in changes:
        told += limit.omitted(each.ns)
        told += [each] if limit.passes(each) else []
    return told


def test_few_changes_are_all_told() -> None:
    changes = [_change(number * SECOND // 4) for number in range(40)]
    assert _told(ChangeLimit(), changes) == changes


def test_a_flood_is_told_less_and_less_and_nothing_is_hidden() -> None:
    changes = [_change(number * SECOND // 60) for number in range(60 * 60)]
    limit = ChangeLimit()
    told = _told(limit, changes)
    assert len(told) < 40, "3600 changes in a minute"
    assert limit.due_ns is not None
    told += limit.omitted(limit.due_ns)
    omitted = sum(each.values["omitted"] for each in told if each.kind is ChangeKind.OMITTED)
    assert omitted + sum(each.kind is ChangeKind.SIZE for each in told) == len(changes)
    assert told[-1].values["last"] == {"width": changes[-1].ns}, "the newest value is told in the end"
    assert limit.due_ns is None


def test_one_kind_does_not_hide_another() -> None:
    limit = ChangeLimit()
    _told(limit, [_change(number) for number in range(100)])
    others = [_change(200, ChangeKind.FORMAT), _change(200, plane=PlaneKind.CURSOR)]
    assert _told(limit, others) == others


def test_after_a_pause_changes_are_told_again() -> None:
    limit = ChangeLimit()
    _told(limit, [_change(number) for number in range(100)])
    later = [_change(60 * SECOND + number * SECOND) for number in range(3)]
    told = _told(limit, later)
    assert [each for each in told if each.kind is not ChangeKind.OMITTED][-1] is later[-1]
