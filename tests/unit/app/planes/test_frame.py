"""Why a frame has no cursor."""

import pytest

from app.planes.frame import Frame, RejectedPlane
from app.planes.plane import PlaneKind
from app.planes.status import Reason, Status
from tests.unit.app.measure.records import surface

OK, OFF = Status(Reason.OK), Status(Reason.PLANE_OFF)
REFUSED = Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument", 22)
PRIMARY, CURSOR = surface(1), surface(2, PlaneKind.CURSOR)
REJECTED = RejectedPlane(CURSOR.plane, None, Status(Reason.FETCH_FAILED, "EINVAL: Invalid argument", 22))
NONE = Status(Reason.NO_CURSOR_PLANE)


@pytest.mark.parametrize(
    ("frame", "refusal", "why"),
    [
        (Frame(OK, PRIMARY), None, Reason.PLANE_OFF),
        (Frame(OK, PRIMARY, cursor_status=NONE), None, Reason.NO_CURSOR_PLANE),
        (Frame(OK, PRIMARY, cursor_status=REFUSED), Reason.QUERY_REJECTED, Reason.QUERY_REJECTED),
        (
            Frame(OK, PRIMARY, None, (REJECTED,), cursor_status=REJECTED.status),
            Reason.FETCH_FAILED,
            Reason.FETCH_FAILED,
        ),
        # A cursor is given only with a picture, so the picture's reason is the cursor's, unless that has its own.
        (Frame(Status(Reason.BAD_GEOMETRY), cursor_status=OK), None, Reason.BAD_GEOMETRY),
        (Frame(Status(Reason.BAD_GEOMETRY), cursor_status=OFF), None, Reason.BAD_GEOMETRY),
        (Frame(OFF, cursor_status=REFUSED), Reason.QUERY_REJECTED, Reason.QUERY_REJECTED),
        (Frame(OK, PRIMARY, CURSOR), None, Reason.PLANE_OFF),
    ],
)
def test_a_frame_tells_why_it_has_no_cursor(frame: Frame, refusal: Reason | None, why: Reason) -> None:
    assert (frame.cursor_refusal.reason if frame.cursor_refusal is not None else None) is refusal
    assert frame.why_no_cursor.reason is why
