"""What is remembered of a picture."""

from dataclasses import replace

from app.diagnosis.picture.cursor_place import CursorPlace
from app.diagnosis.picture.history import PictureHistory
from app.diagnosis.picture.picture_facts import SeenCursor
from app.planes.frame import Frame
from app.planes.pixel_samples import Look
from app.planes.status import Reason, Status
from tests.unit.app.diagnosis.picture.facts import CURSOR
from tests.unit.app.diagnosis.picture.surfaces import surface

S = 1_000_000_000
OFF = Frame(Status(Reason.PLANE_OFF))
ON = Frame(Status(Reason.OK), surface())
OTHER = Frame(Status(Reason.OK), surface())


def test_a_plane_that_was_never_on() -> None:
    history = PictureHistory(5 * S)
    history.saw(OFF, 6 * S)
    # The same frame again does not begin anew.
    history.saw(OFF, 8 * S)
    facts = history.facts(9 * S, [("EINVAL", 3)])
    assert (facts.watched_s, facts.shown_before, facts.off_s, facts.unchanged_s) == (4.0, False, 3.0, None)
    assert facts.query_errors == (("EINVAL", 3),)


def test_a_plane_that_went_off_and_fails_since() -> None:
    history = PictureHistory(0)
    history.saw(ON, 1 * S)
    history.saw(OFF, 3 * S)
    history.saw(Frame(Status(Reason.QUERY_REJECTED)), 4 * S)
    facts = history.facts(5 * S)
    assert (facts.shown_before, facts.off_s) == (True, 2.0)
    history.saw(OTHER, 6 * S)
    assert history.facts(6 * S).off_s is None


def test_a_picture_is_unchanged_since_the_last_frame_or_pixel() -> None:
    history = PictureHistory(0)
    history.saw(ON, 1 * S)
    history.saw(ON, 3 * S)
    assert history.unchanged_s(4 * S) == 3.0
    history.looked(Look(True, 5 * S, 4 * S), 5 * S)
    assert history.unchanged_s(7 * S) == 2.0
    history.saw(OTHER, 8 * S)
    assert history.unchanged_s(8 * S) == 0.0


def test_who_sees_no_pixels_does_not_call_a_picture_unchanged() -> None:
    history = PictureHistory(0, sees_pixels=False)
    history.saw(ON, 0)
    assert history.facts(60 * S).unchanged_s is None


def test_where_a_cursor_was_last_is_remembered() -> None:
    cursors = [surface(replace(CURSOR, x=x)) for x in (300, 3, 300, 2, 300, 700)]
    frames = [Frame(Status(Reason.OK), surface(), each) for each in cursors]
    history = PictureHistory(0)
    history.saw(frames[0], 0)
    assert history.facts(0).cursor_places == ()
    for second, frame in enumerate(frames[1:], 1):
        history.saw(frame, second * S)
    assert history.facts(9 * S).cursor_places == (
        SeenCursor(CursorPlace.AT_EDGE, "64x64 at 2,200 of 640x480", 6.0),
        SeenCursor(CursorPlace.OUTSIDE, "64x64 at 700,200 of 640x480", 4.0),
    )


def test_a_cursor_that_was_seen_once_is_remembered() -> None:
    history = PictureHistory(0)
    history.saw(ON, 0)
    assert not history.facts(0).cursor_seen
    history.saw(Frame(Status(Reason.OK), surface(), surface()), 1)
    history.saw(ON, 2)
    assert history.facts(3).cursor_seen


def test_a_picture_that_nothing_can_look_at_is_not_called_unchanged() -> None:
    history = PictureHistory(0)
    history.saw(ON, 0)
    history.looked(Look(False, 1 * S), 1 * S)
    assert history.unchanged_s(2 * S) == 2.0
    history.looked(Look(True, 3 * S, blind=True), 3 * S)
    assert history.unchanged_s(60 * S) is None
    # The CPU or the GPU can look again: what was missed meanwhile is not known.
    history.looked(Look(False, 61 * S), 61 * S)
    assert history.unchanged_s(62 * S) == 59.0
    history.looked(Look(True, 63 * S, 62 * S), 63 * S)
    assert history.unchanged_s(64 * S) == 1.0
