"""Findings about the cursor plane."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.diagnosis.picture.picture_findings import plane_finding
from app.diagnosis.picture.picture_keys import PictureKey
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason

_REFUSALS = (Reason.FETCH_FAILED, Reason.FETCHED_ELSEWHERE, Reason.FETCHED_BEFORE)
# kvmgt drops the sign of both positions (intel_vgpu_decode_cursor_plane() in gvt/fb_decoder.c).
_SIGNLESS_TYPE = "i915-GVTg"


def cursor_findings(facts: PictureFacts, primary: PlaneFacts, cursor: PlaneFacts | None) -> Iterator[Finding]:
    """What is wrong with the cursor, while there is a picture in ``primary``."""
    picture = primary.plane
    if picture is None:
        return
    if cursor is None or cursor.plane is None:
        # Only dma-bufs have a cursor plane.
        if facts.offer is not None and facts.offer.dmabuf and not facts.history.cursor_seen:
            yield PictureKey.CURSOR_NOT_REPORTED.finding(f"none in {facts.history.watched_s:.1f} s")
        return
    status = cursor.status
    if status.reason in _REFUSALS:
        evidence = f"{status.reason.key}: {status.detail}" if status.detail else status.reason.key
        message = f"The guest's cursor plane cannot be shown. {status.reason.meaning}".strip()
        yield PictureKey.CURSOR_REFUSED.finding(evidence, status.reason.remedy, message)
    elif status.reason is not primary.status.reason:
        found = plane_finding(PlaneKind.CURSOR, status)
        if found is not None:
            yield found
    yield from _position(facts, picture, cursor.plane)


def _position(facts: PictureFacts, picture: Plane, plane: Plane) -> Iterator[Finding]:
    evidence = f"{plane.width}x{plane.height} at {plane.x},{plane.y} of {picture.width}x{picture.height}"
    if not (-plane.width < plane.x < picture.width and -plane.height < plane.y < picture.height):
        yield PictureKey.CURSOR_OUTSIDE.finding(evidence, "Move the guest's pointer. If it stays so, report it.")
        return
    vgpu = facts.vgpu
    if vgpu is None or not (vgpu.type_id or "").startswith(_SIGNLESS_TYPE):
        return
    # A tip at the left or upper edge has its image up to the hot spot beyond it: then both signs are possible.
    reach_x = plane.hot_x if plane.hot_x is not None else plane.width // 4
    reach_y = plane.hot_y if plane.hot_y is not None else plane.height // 4
    if 0 < plane.x <= reach_x or 0 < plane.y <= reach_y:
        yield PictureKey.CURSOR_SIGN_LOST.finding(evidence)
