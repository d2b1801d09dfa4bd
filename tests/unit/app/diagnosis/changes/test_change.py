"""One line of an event log."""

from datetime import datetime, timedelta, timezone

from app.diagnosis.changes.change import Change, ChangeKind, LogStart
from app.planes.plane import PlaneKind

START = LogStart(5_000_000_000, datetime(2026, 11, 26, 23, 59, 59, 500_000, timezone(timedelta(hours=1))))


def test_a_line_has_both_times() -> None:
    change = Change(6_234_999_999, ChangeKind.SIZE, "primary size 1x1 -> 2x2", PlaneKind.PRIMARY, {"width": 2})
    assert START.line(change) == "     +1.235  2026-11-27T00:00:00.734+01:00  primary size 1x1 -> 2x2"
    assert START.document(change) == {
        "time_ns": 1_234_999_999,
        "wall": "2026-11-27T00:00:00.734+01:00",
        "kind": "size",
        "plane": "primary",
        "text": "primary size 1x1 -> 2x2",
        "width": 2,
    }


def test_a_change_of_no_plane_has_none() -> None:
    assert START.document(Change(START.ns, ChangeKind.STATE, "state showing (ok)"))["plane"] is None
