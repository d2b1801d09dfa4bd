"""A DisplayID section inside an EDID as a document. Nothing raises.

Source: VESA DisplayID 1.3 and 2.0.
"""

from typing import Any

from app.edid.base_contents import timing_document
from app.edid.detailed import TYPE_1_SIZE, decode_type_1
from app.edid.timing import CLOCK_STEP_KHZ
from app.text.clean import visible

_HEADER_SIZE = 4
_BLOCK_HEADER_SIZE = 3
_NAMES = {
    0x00: "product identification",
    0x01: "display parameters",
    0x02: "colour characteristics",
    0x03: "type I timing",
    0x04: "type II timing",
    0x05: "type III timing",
    0x06: "type IV timing",
    0x07: "VESA timings",
    0x08: "CTA timings",
    0x09: "video timing range limits",
    0x0A: "serial number",
    0x0B: "text",
    0x0C: "display device data",
    0x0D: "interface power sequencing",
    0x0E: "transfer characteristics",
    0x0F: "display interface",
    0x10: "stereo display interface",
    0x11: "type V timing",
    0x12: "tiled display topology",
    0x13: "type VI timing",
    0x20: "product identification",
    0x21: "display parameters",
    0x22: "type VII timing",
    0x23: "type VIII timing",
    0x24: "type IX timing",
    0x25: "dynamic video timing range limits",
    0x26: "display interface features",
    0x27: "stereo display interface",
    0x28: "tiled display topology",
    0x29: "container identification",
    0x2A: "type X timing",
    0x2B: "adaptive sync",
    0x7E: "vendor-specific",
    0x7F: "vendor-specific",
    0x81: "CTA-861 data blocks",
}
# The timings of these have 20 bytes; the unit of their clock in kHz.
_STEPS = {0x03: CLOCK_STEP_KHZ, 0x22: 1}
_PRODUCT_NAME_AT = {0x00: 12, 0x20: 12}
_TEXTS = (0x0A, 0x0B)


def displayid_contents(block: bytes, faults: list[str]) -> dict[str, Any]:
    """The document of an extension block of 128 bytes. What is wrong in it is added to ``faults``."""
    section = block[1:127]
    size = section[1]
    room = len(section) - _HEADER_SIZE - 1
    if size > room:
        faults.append(f"the DisplayID section is longer ({size} bytes) than its block ({room})")
        size = room
    elif sum(section[: _HEADER_SIZE + size + 1]) % 256:
        faults.append("the checksum of the DisplayID section is wrong")
    document: dict[str, Any] = {"displayid_version": f"{section[0] >> 4}.{section[0] & 15}", "product_type": section[2]}
    document["data_blocks"] = _data_blocks(section[_HEADER_SIZE : _HEADER_SIZE + size], faults)
    return document


def _data_blocks(data: bytes, faults: list[str]) -> list[dict[str, Any]]:
    found, at = [], 0
    while at + _BLOCK_HEADER_SIZE <= len(data):
        tag, size = data[at], data[at + 2]
        if not any(data[at:]):
            break
        body = data[at + _BLOCK_HEADER_SIZE : at + _BLOCK_HEADER_SIZE + size]
        if len(body) < size:
            faults.append(f"a data block of DisplayID is longer ({size} bytes) than what follows ({len(body)})")
        found.append(_data_block(tag, body))
        at += _BLOCK_HEADER_SIZE + size
    return found


def _data_block(tag: int, body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = {"name": _NAMES.get(tag, f"unknown, tag 0x{tag:02x}"), "size": len(body)}
    step = _STEPS.get(tag)
    if step is not None:
        document["timings"] = []
        for first in range(0, len(body) - TYPE_1_SIZE + 1, TYPE_1_SIZE):
            timing, preferred = decode_type_1(body[first : first + TYPE_1_SIZE], step)
            timing_found = timing_document(timing)
            document["timings"].append({"timing": timing_found, "preferred": preferred})
    if tag in _PRODUCT_NAME_AT and len(body) >= _PRODUCT_NAME_AT[tag]:
        document["text"] = _text(body[_PRODUCT_NAME_AT[tag] :])
    if tag in _TEXTS:
        document["text"] = _text(body)
    return document


def _text(data: bytes) -> str:
    return visible(data.split(b"\n")[0].rstrip(b"\0").decode("latin-1"))
