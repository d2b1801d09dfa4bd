"""Findings about the cursor plane."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.cursor_place import CursorPlace, cursor_place, place_text
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.diagnosis.picture.picture_findings import plane_finding
from app.diagnosis.picture.picture_keys import PictureKey
from app.host.vgpu import is_gvt
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason, Status

_REFUSALS = (Reason.FETCH_FAILED, Reason.FETCHED_ELSEWHERE, Reason.FETCHED_BEFORE)
_NOT_THERE = (Reason.OK, Reason.PLANE_OFF, Reason.CURSOR_OFF, Reason.NO_CURSOR_PLANE)
# A cursor that moves keeps a finding about its position for so long after it left the place: a finding that comes and
# goes with each move would fill a log, and nobody could read it.
_KEPT_S = 30.0


def cursor_findings(facts: PictureFacts, primary: PlaneFacts, cursor: PlaneFacts | None) -> Iterator[Finding]:
    """What is wrong with the cursor, while there is a picture in ``primary``."""
    picture = primary.plane
    if picture is None:
        return
    yield from _position(facts, picture, cursor.plane if cursor is not None else None)
    if cursor is not None and cursor.plane is None and cursor.status.reason not in _NOT_THERE:
        yield _refused(cursor.status, "The driver does not tell of the guest's cursor plane.")
        return
    if cursor is None or cursor.plane is None:
        # Only dma-bufs have a cursor plane.
        if facts.offer is not None and facts.offer.dmabuf and not facts.history.cursor_seen:
            yield PictureKey.CURSOR_NOT_REPORTED.finding(f"none in {facts.history.watched_s:.1f} s")
        return
    status = cursor.status
    if status.reason in _REFUSALS:
        yield _refused(status, "The guest's cursor plane cannot be shown.")
    elif status.reason is not primary.status.reason:
        found = plane_finding(PlaneKind.CURSOR, status)
        if found is not None:
            yield found


def _refused(status: Status, what: str) -> Finding:
    evidence = f"{status.reason.key}: {status.detail}" if status.detail else status.reason.key
    return PictureKey.CURSOR_REFUSED.finding(evidence, status.reason.remedy, f"{what} {status.reason.meaning}".strip())


def _position(facts: PictureFacts, picture: Plane, plane: Plane | None) -> Iterator[Finding]:
    seen = {each.place: each.text for each in facts.history.cursor_places if each.ago_s <= _KEPT_S}
    if plane is not None:
        seen[cursor_place(picture, plane)] = place_text(picture, plane)
    if CursorPlace.OUTSIDE in seen:
        remedy = "Move the guest's pointer. If it stays so, report it."
        yield PictureKey.CURSOR_OUTSIDE.finding(seen[CursorPlace.OUTSIDE], remedy)
    # kvmgt drops the sign of both positions (intel_vgpu_decode_cursor_plane() in gvt/fb_decoder.c).
    elif CursorPlace.AT_EDGE in seen and is_gvt(facts.vgpu):
        yield PictureKey.CURSOR_SIGN_LOST.finding(seen[CursorPlace.AT_EDGE])
