"""A whole EDID as a document, for people and programs. Whatever the bytes are, nothing raises: faults are listed."""

from typing import Any

from app.edid import base_contents as base
from app.edid.block import HEADER
from app.edid.cta_contents import cta_contents, overridden_count
from app.edid.displayid_contents import displayid_contents
from app.edid.mode import BLOCK

_CTA, _DISPLAYID = 0x02, 0x70
_EXTENSIONS = {
    _CTA: "CTA-861",
    0x10: "video timing (VTB)",
    0x20: "EDID 2.0",
    0x40: "display information (DI)",
    0x50: "localised strings (LS)",
    0x60: "digital packet video link (DPVL)",
    _DISPLAYID: "DisplayID",
    0xF0: "block map",
    0xFF: "manufacturer's own",
}


def edid_document(data: bytes) -> dict[str, Any]:
    """The document of an EDID, whole or not. ``faults`` are sentences about what is wrong in it.

    ``serial`` and a descriptor "serial number" identify one single screen, so they are private.
    """
    faults: list[str] = []
    block = data[:BLOCK].ljust(BLOCK, b"\0")
    if not data.startswith(HEADER):
        faults.append("the header 00ffffffffffff00 is missing")
    if len(data) < BLOCK:
        faults.append(f"the EDID is cut off after {len(data)} bytes; a block has {BLOCK}")
    elif not base.checksum_is_right(block):
        faults.append("the checksum of block 0 is wrong")
    identity = base.identity(block)
    if not identity["manufacturer"].isalpha():
        faults.append("the manufacturer is not three letters")
    if block[18] != 1 or block[19] > 4:
        faults.append(f"version {identity['edid_version']} is unknown; it is read as 1.4")
    document = {"kind": "edid", **identity, **base.properties(block), **base.timings(block)}
    document["descriptors"] = base.descriptors(block)
    document["extension_count"] = block[126]
    document["extensions"] = _extensions(data, block[126], faults)
    document["faults"] = faults
    return document


def _extensions(data: bytes, count: int, faults: list[str]) -> list[dict[str, Any]]:
    following = len(data[BLOCK:]) // BLOCK
    override = overridden_count(data[BLOCK : 2 * BLOCK]) if following else None
    if override is not None:
        count = max(count, override)
    if len(data) >= BLOCK and following < count:
        faults.append(f"of {count} extension blocks only {following} are there")
    surplus = len(data) - BLOCK * (1 + min(count, following))
    if surplus > 0 and len(data) >= BLOCK:
        faults.append(f"{surplus} bytes follow after the last whole block")
    return [
        _extension(number, data[number * BLOCK :][:BLOCK], faults) for number in range(1, min(count, following) + 1)
    ]


def _extension(number: int, block: bytes, faults: list[str]) -> dict[str, Any]:
    if not base.checksum_is_right(block):
        faults.append(f"the checksum of block {number} is wrong")
    tag = block[0]
    document: dict[str, Any] = {"block": number, "tag": tag, "name": _EXTENSIONS.get(tag, "unknown")}
    if tag == _CTA:
        document |= cta_contents(block, faults)
    elif tag == _DISPLAYID:
        document |= displayid_contents(block, faults)
    return document
