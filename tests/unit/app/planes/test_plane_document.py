"""Planes as documents."""

from app.planes.plane_document import plane_document, refused_plane_document
from app.planes.status import Reason, Status
from tests.unit.app.measure.records import surface


def test_a_plane_that_was_refused_has_the_keys_of_one_that_was_told() -> None:
    refused = refused_plane_document(Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument", 22))
    told = plane_document(surface(1).plane, None, Status(Reason.OK))
    assert refused.keys() == told.keys()
    said = {key: value for key, value in refused.items() if value not in (None, [])}
    assert said == {
        "state": "no-signal",
        "reason": "query-rejected",
        "detail": "EINVAL: Invalid argument",
        "hint": Reason.QUERY_REJECTED.meaning,
        "errno": "EINVAL",
    }
    assert told["errno"] is None
