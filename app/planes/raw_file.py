"""A plane's bytes in a file, and the JSON document beside it that says what they are.

The file has the bytes as they lie in the buffer, from its beginning: all of a dma-buf, as an aux plane of a compressed
layout may lie behind the pixels; of other memory as far as the plane and the driver's size of it go. ``offset`` of the
document is where in the file the plane begins. A published key keeps its meaning.
"""

import json
from dataclasses import dataclass
from typing import Any

from app.formats.fourcc import format_name, fourcc_text, parse_fourcc
from app.formats.modifier import modifier_name
from app.formats.reading import NOTHING, Parts
from app.planes.buffer import Buffer
from app.planes.check import bytes_needed
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.plane_document import Document
from app.text.clean import clean

VERSION = 1
MOST_BYTES = 1 << 16
"""The longest document that is read."""

_U32, _U64 = (1 << 32) - 1, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class RawFacts:
    """What is known of the bytes in a file. ``premultiplied``: the colours are multiplied by alpha."""

    parts: Parts = NOTHING
    offset: int = 0
    y_inverted: bool = False
    premultiplied: bool = False


def facts_of(plane: Plane) -> RawFacts:
    """The same of a plane that is there."""
    parts = Parts(plane.fourcc, plane.modifier, (plane.width, plane.height), plane.stride)
    premultiplied = plane.kind is PlaneKind.CURSOR and not plane.straight_alpha
    return RawFacts(parts, plane.offset, plane.y_inverted, premultiplied)


def raw_length(plane: Plane, buffer: Buffer) -> int:
    """How many bytes of the buffer, from its beginning, are written to the file."""
    if buffer.dmabuf_fd is not None:
        return buffer.size
    return max(0, min(buffer.size, max(bytes_needed(plane), plane.offset + plane.size)))


def raw_document(plane: Plane, buffer: Buffer, device: Document, length: int, time: str) -> Document:
    """The document of a file of ``length`` bytes. ``time`` is ISO 8601. ``device`` is that of ``inspect``.

    Nothing in it names the VM or the host.
    """
    return {
        "version": VERSION,
        "kind": "raw",
        "time": time,
        "plane": plane.kind.name.lower(),
        "fourcc": fourcc_text(plane.fourcc),
        "format_name": format_name(plane.fourcc),
        "modifier": plane.modifier,
        "modifier_name": modifier_name(plane.modifier),
        "width": plane.width,
        "height": plane.height,
        "stride": plane.stride,
        "offset": plane.offset,
        "size": plane.size,
        "bytes": length,
        "y_inverted": plane.y_inverted,
        "straight_alpha": plane.straight_alpha,
        "backing": plane.backing.value,
        "dmabuf_id": plane.handle if plane.backing is Backing.DMABUF else None,
        "region_index": plane.handle if plane.backing is Backing.REGION else None,
        "exporter": buffer.exporter,
        "target_kind": {key: device.get(key) for key in ("type", "driver", "simulated")},
    }


def parse_raw_document(data: bytes) -> RawFacts:
    """The facts in a document. Their values may be impossible ones. Raises ValueError with the reason for a user."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"has more than {MOST_BYTES} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON document") from None
    if not isinstance(document, dict) or document.get("kind") != "raw":
        raise ValueError("is no document of `mdevview screenshot --raw`")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise ValueError("has no version")
    if version > VERSION:
        raise ValueError(f"was written by a newer mdevview; this one reads version {VERSION} of such files")
    y_inverted = _flag(document, "y_inverted")
    # Whoever wrote the file before there was this key knew no cursor with straight alpha.
    premultiplied = not _flag(document, "straight_alpha") and document.get("plane") == PlaneKind.CURSOR.name.lower()
    return RawFacts(
        Parts(
            _fourcc(document.get("fourcc")),
            _number(document, "modifier", _U64),
            (_number(document, "width", _U32), _number(document, "height", _U32)),
            _number(document, "stride", _U32),
        ),
        _number(document, "offset", _U64),
        y_inverted,
        premultiplied,
    )


def _flag(document: dict[str, Any], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"has a {key} that is neither true nor false")
    return value


def _number(document: dict[str, Any], key: str, most: int) -> int:
    value = document.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"has no {key} from 0 to {most}")
    return value


def _fourcc(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("has no fourcc")
    try:
        # fourcc_text() writes a code that is no text so.
        if len(value) == 10 and value.startswith("0x") and value[2:].isalnum():
            return int(value, 16)
        return parse_fourcc(value)
    except ValueError:
        raise ValueError(f"has the fourcc {clean(value, 20)!r}, which is none") from None
