"""A modifier in words and for programs: its layout, its bit fields, and what this program can do with it."""

from typing import Any

from app.abi import drm_fourcc as drm
from app.formats.modifier import Tile, modifier_name, tile_of
from app.formats.modifiers.description import Field, Layout
from app.formats.modifiers.vendors import describe, vendor_label, vendor_name

_PIXEL_SIZES = (1, 2, 4, 8)


def modifier_document(modifier: int) -> dict[str, Any]:
    """What the 64 bits of a modifier mean. ``reserved_bits`` are set without a meaning in the kernel's header."""
    description = describe(modifier)
    tiles = [(size, tile_of(modifier, size)) for size in _PIXEL_SIZES]
    return {
        "kind": "modifier",
        "modifier": modifier,
        "modifier_name": modifier_name(modifier),
        "vendor": vendor_name(modifier),
        "vendor_label": vendor_label(modifier),
        "layout": description.layout.value,
        "meaning": description.meaning,
        "fields": [_field(each) for each in description.fields],
        "reserved_bits": [bit for bit in range(64) if description.reserved >> bit & 1],
        "macro": description.macro,
        "drm_info": description.drm_info,
        "cpu_readable": modifier == drm.DRM_FORMAT_MOD_LINEAR or any(tile for _, tile in tiles),
        "tiles": [_tile(size, tile) for size, tile in tiles if tile is not None],
    }


def modifier_lines(document: dict[str, Any]) -> list[str]:
    """The document as text for a person; the first line is the heading."""
    vendor = document["vendor_label"]
    of = "of no vendor" if document["vendor"] == "NONE" else f"of {vendor}"
    lines = [f"{document['modifier_name']}  0x{document['modifier']:016x}  a modifier {of}"]
    lines.append(f"  layout:    {document['layout']}: {document['meaning']}")
    lines.append(f"  mdevview:  {_use(document)}")
    if document["macro"]:
        lines.append(f"  in C:      {document['macro']}")
    if document["drm_info"] and document["drm_info"] != document["macro"]:
        lines.append(f"  drm_info:  {document['drm_info']}")
    if len(document["fields"]) > 1:
        rows = [(_place(each), each["name"], str(each["value"]), each["meaning"]) for each in document["fields"]]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            place, name, value = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            lines.append(f"  bits {place}  {name}  {value}  {row[3]}")
    reserved = document["reserved_bits"]
    if reserved and document["vendor"] is not None:
        bits, verb = ("bit", "is") if len(reserved) == 1 else ("bits", "are")
        lines.append(f"  unknown:   {bits} {_ranges(reserved)} {verb} set, without a meaning in the kernel's header")
    return lines


def _use(document: dict[str, Any]) -> str:
    match document["layout"]:
        case Layout.COMPRESSED.value:
            return "compressed: only a GPU that imports this modifier can read it, no program on the CPU"
        case Layout.NONE.value:
            return "imports such a buffer without a modifier; what the pixels then are, only the driver knows"
        case Layout.UNKNOWN.value:
            return "cannot tell; a GPU whose driver lists the modifier can import it"
    if not document["cpu_readable"]:
        return "only a GPU that imports this modifier can read it; there is no conversion on the CPU"
    if not document["tiles"]:
        return "reads it on the CPU as it is"
    sizes: dict[tuple[int, int], list[int]] = {}
    for each in document["tiles"]:
        sizes.setdefault((each["width_bytes"], each["height"]), []).append(each["bytes_per_pixel"])
    if len(sizes) == 1:
        ((width, height),) = sizes
        return f"converts it on the CPU; a tile has {width} bytes by {height} rows"
    parts = [f"{width} bytes by {height} rows at {_listed(pixels)}" for (width, height), pixels in sizes.items()]
    return f"converts it on the CPU; a tile has {', '.join(parts)} bytes a pixel"


def _listed(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "low_bit": field.shift,
        "bits": field.bits,
        "value": field.value,
        "meaning": field.meaning,
    }


def _tile(size: int, tile: Tile) -> dict[str, int]:
    return {"bytes_per_pixel": size, "width_bytes": tile.width_bytes, "height": tile.height}


def _place(field: dict[str, Any]) -> str:
    low, high = field["low_bit"], field["low_bit"] + field["bits"] - 1
    return f"{low}" if low == high else f"{high}:{low}"


def _ranges(bits: list[int]) -> str:
    """Bit numbers as text, with "to" for three or more in a row."""
    parts: list[list[int]] = []
    for each in bits:
        if parts and parts[-1][-1] == each - 1:
            parts[-1].append(each)
        else:
            parts.append([each])
    texts = [f"{each[0]} to {each[-1]}" if len(each) > 2 else ", ".join(map(str, each)) for each in parts]
    return ", ".join(texts)
