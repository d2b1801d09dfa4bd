"""The words and values of changes (:mod:`app.diagnosis.changes.changes`). Pure."""

from collections.abc import Callable
from typing import Any

from app.diagnosis.changes.change import ChangeKind
from app.diagnosis.changes.flip_pattern import Flips
from app.formats.fourcc import fourcc_text
from app.formats.modifier import modifier_name
from app.planes.buffer_facts import BufferFacts
from app.planes.outcome import Outcome
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Status

_MOST_IDS = 32

Values = dict[str, Any]
PlaneChange = Callable[[Plane, Plane], tuple[ChangeKind, str, Values]]


def status_text(status: Status) -> str:
    """State, reason, and the detail if there is one."""
    text = f"{status.state.value} ({status.reason.key})"
    return f"{text}: {status.detail}" if status.detail else text


def plane_text(plane: Plane) -> str:
    """Size, format, modifier, stride and id of a plane."""
    layout = f"{plane.width}x{plane.height} {fourcc_text(plane.fourcc)} {modifier_name(plane.modifier)}"
    return f"{layout}, stride {plane.stride}, {_id_text(plane)}"


def _id_text(plane: Plane) -> str:
    match plane.backing:
        case Backing.DMABUF:
            return f"id {plane.handle}"
        case Backing.REGION:
            return f"region {plane.handle}"
        case Backing.MEMORY:
            return "memory"


def plane_values(plane: Plane) -> Values:
    """The plane's own values, with the keys of ``inspect --json``."""
    return {
        "fourcc": fourcc_text(plane.fourcc),
        "modifier": plane.modifier,
        "modifier_name": modifier_name(plane.modifier),
        "width": plane.width,
        "height": plane.height,
        "stride": plane.stride,
        "size": plane.size,
        "x": plane.x,
        "y": plane.y,
        "backing": plane.backing.value,
        "dmabuf_id": plane.handle if plane.backing is Backing.DMABUF else None,
        "region_index": plane.handle if plane.backing is Backing.REGION else None,
    }


def outcome_text(outcome: Outcome) -> str:
    """How a plane reached the GPU, or why it did not."""
    if outcome.path is None:
        return f"path none, {status_text(outcome.status)}"
    method = f" by {outcome.method.value}" if outcome.method is not None else ""
    reason = f", {status_text(outcome.status)}" if outcome.status.reason.key != "ok" else ""
    return f"path {outcome.path.value}{method}{reason}"


def flips_text(kind: PlaneKind, flips: Flips) -> str:
    """The ids among which a plane flips, and the rate."""
    ids = ",".join(map(str, flips.ids[:_MOST_IDS]))
    if len(flips.ids) > _MOST_IDS:
        ids += f" and {len(flips.ids) - _MOST_IDS} more"
    if flips.rate_hz is None:
        return f"{kind.name.lower()} stopped flipping, shows id {flips.last}"
    return f"{kind.name.lower()} flips among ids {ids}, {flips.rate_hz:.1f}/s"


def buffer_text(facts: BufferFacts) -> str:
    """Which buffer it is."""
    parts = [f"{facts.plane.kind.name.lower()} {_id_text(facts.plane)}: {facts.size} bytes"]
    if facts.exporter:
        parts.append(f"exporter {facts.exporter}")
    if facts.inode is not None:
        parts.append(f"inode {facts.inode}")
    if facts.name is not None:
        parts.append(f"name {facts.name!r}")
    return ", ".join(parts)


def buffer_values(facts: BufferFacts) -> Values:
    """What identifies a buffer, with the keys of ``inspect --json``."""
    plane = facts.plane
    return {
        "dmabuf_id": plane.handle if plane.backing is Backing.DMABUF else None,
        "region_index": plane.handle if plane.backing is Backing.REGION else None,
        "inode": facts.inode,
        "exporter": facts.exporter,
        "name": facts.name,
        "size": facts.size,
        "times_shown": facts.times_shown,
    }


def _format(before: Plane, now: Plane) -> tuple[ChangeKind, str, Values]:
    names = fourcc_text(before.fourcc), fourcc_text(now.fourcc)
    return _pair(ChangeKind.FORMAT, "fourcc", *names)


def _modifier(before: Plane, now: Plane) -> tuple[ChangeKind, str, Values]:
    names = modifier_name(before.modifier), modifier_name(now.modifier)
    kind, text, values = _pair(ChangeKind.MODIFIER, "modifier_name", *names)
    # Two modifiers may have one name, for libdrm names some of them by a family.
    if before.modifier != now.modifier and not text:
        text = f"modifier 0x{before.modifier:x} -> 0x{now.modifier:x}"
    return kind, text, values | {"modifier": now.modifier, "previous_modifier": before.modifier}


def _size(before: Plane, now: Plane) -> tuple[ChangeKind, str, Values]:
    if (before.width, before.height) == (now.width, now.height):
        return ChangeKind.SIZE, "", {}
    values = {"width": now.width, "height": now.height}
    values |= {"previous_width": before.width, "previous_height": before.height}
    return ChangeKind.SIZE, f"size {before.width}x{before.height} -> {now.width}x{now.height}", values


def _stride(before: Plane, now: Plane) -> tuple[ChangeKind, str, Values]:
    return _pair(ChangeKind.STRIDE, "stride", before.stride, now.stride)


def _offset(before: Plane, now: Plane) -> tuple[ChangeKind, str, Values]:
    return _pair(ChangeKind.OFFSET, "offset", before.offset, now.offset)


def _orientation(before: Plane, now: Plane) -> tuple[ChangeKind, str, Values]:
    return _pair(ChangeKind.ORIENTATION, "y_inverted", before.y_inverted, now.y_inverted)


def _pair(kind: ChangeKind, key: str, before: object, now: object) -> tuple[ChangeKind, str, Values]:
    """The text is empty if nothing changed."""
    text = f"{kind.value} {before} -> {now}" if before != now else ""
    return kind, text, {key: now, f"previous_{key}": before}


PLANE_CHANGES: tuple[PlaneChange, ...] = (_format, _modifier, _size, _stride, _offset, _orientation)
"""Each compares one value of a plane before and now; its text is empty if that did not change."""
