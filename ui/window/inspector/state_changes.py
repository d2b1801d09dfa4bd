"""What differs between two documents of the state and the planes, in words. Pure."""

from collections.abc import Iterator

from app.planes.plane_document import Document
from app.text.clean import clean_line

# Position and dmabuf_id change with each move and flip: a log of them would have nothing else.
_PLANE_KEYS = (
    ("fourcc", "format"),
    ("modifier_name", "modifier"),
    ("stride", "stride"),
    ("backing", "backing"),
    ("path", "import path"),
)


def state_changes(before: Document, after: Document) -> Iterator[tuple[str, str]]:
    """Pairs of what changed and how: ("primary plane: size", "1280 × 720 → 1920 × 1080")."""
    yield from _change("target", before.get("target"), after.get("target"))
    yield from _change("state", _state(before), _state(after))
    old, new = before.get("planes", {}), after.get("planes", {})
    for kind in dict.fromkeys((*old, *new)):
        yield from _plane_changes(kind, old.get(kind), new.get(kind))


def _plane_changes(kind: str, old: Document | None, new: Document | None) -> Iterator[tuple[str, str]]:
    name = f"{kind} plane"
    if old is None or new is None:
        yield from _change(name, _plane(old), _plane(new))
        return
    yield from _change(f"{name}: size", _size(old), _size(new))
    for key, word in _PLANE_KEYS:
        yield from _change(f"{name}: {word}", old[key], new[key])
    yield from _change(f"{name}: state", _state(old), _state(new))


def _change(name: str, old: object, new: object) -> Iterator[tuple[str, str]]:
    if old != new:
        yield name, clean_line(f"{_text(old)} → {_text(new)}")


def _text(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def _state(document: Document) -> str:
    state, reason = document.get("state", ""), document.get("reason", "ok")
    return state if reason == "ok" else f"{state} ({reason})"


def _size(plane: Document) -> str:
    return f"{plane['width']} × {plane['height']}"


def _plane(plane: Document | None) -> str:
    return "off" if plane is None else f"{_size(plane)} {plane['fourcc']} {plane['modifier_name']}"
