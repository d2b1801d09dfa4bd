"""Findings about a cursor that moves."""

from dataclasses import replace

from app.diagnosis.picture.cursor_place import CursorPlace
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.picture_facts import HistoryFacts, SeenCursor
from app.planes.status import Reason, Status
from tests.unit.app.diagnosis.picture.facts import CURSOR, cursor, picture, shown


def test_a_cursor_that_moves_keeps_its_finding_for_a_while() -> None:
    edge = SeenCursor(CursorPlace.AT_EDGE, "64x64 at 3,200 of 640x480", 29.0)
    far = (shown(), cursor(plane=replace(CURSOR, x=300)))
    (found,) = diagnose(picture(*far, history=HistoryFacts(40, True, cursor_seen=True, cursor_places=(edge,))))
    assert (found.key, found.evidence) == ("cursor-sign-lost", edge.text)
    # Also while the guest hides it.
    hidden = picture(shown(), history=HistoryFacts(40, True, cursor_seen=True, cursor_places=(edge,)))
    assert [each.key for each in diagnose(hidden)] == ["cursor-sign-lost"]
    outside = SeenCursor(CursorPlace.OUTSIDE, "64x64 at 900,0 of 640x480", 1.0)
    both = HistoryFacts(40, True, cursor_seen=True, cursor_places=(edge, outside))
    assert [each.key for each in diagnose(picture(*far, history=both))] == ["cursor-outside"]
    old = HistoryFacts(40, True, cursor_seen=True, cursor_places=(replace(edge, ago_s=31.0),))
    assert diagnose(picture(*far, history=old)) == ()


def test_a_cursor_whose_query_the_driver_refuses_is_not_called_hidden() -> None:
    refused = cursor(plane=None, path=None, status=Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument", 22))
    (found,) = diagnose(picture(shown(), refused))
    assert (found.key, found.evidence) == ("cursor-refused", "query-rejected: EINVAL: Invalid argument")
    hidden = cursor(plane=None, path=None, status=Status(Reason.PLANE_OFF))
    assert [each.key for each in diagnose(picture(shown(), hidden))] == ["cursor-not-reported"]
