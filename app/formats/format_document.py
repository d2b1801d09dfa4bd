"""A fourcc in words and for programs: its components, and where their bits lie."""

from typing import Any

from app.abi import drm_fourcc as drm
from app.formats.fourcc import fourcc_text, pixel_format
from app.formats.layout import FormatLayout, PlaneLayout, known_layout
from app.formats.layout_picture import LEGEND, picture


def format_document(code: int) -> dict[str, Any]:
    """What is known about a fourcc of 32 bits; ``format_name`` is None if the kernel's header does not have it."""
    big_endian = bool(code & drm.DRM_FORMAT_BIG_ENDIAN)
    plain = code & ~drm.DRM_FORMAT_BIG_ENDIAN
    layout = known_layout(plain)
    return {
        "kind": "fourcc",
        "code": code,
        "fourcc": fourcc_text(plain),
        "format_name": layout.name if layout else None,
        "macro": _macro(layout, big_endian, code),
        "big_endian": big_endian,
        "content": layout.content if layout else None,
        "subsampling": layout.subsampling if layout else None,
        "shown": pixel_format(code) is not None,
        "planes": [_plane(each, big_endian) for each in layout.planes] if layout else [],
    }


def format_lines(document: dict[str, Any]) -> list[str]:
    """The document as text for a person; the first line is the heading."""
    name, big = document["format_name"], document["big_endian"]
    code = f"0x{document['code']:08x}"
    if name is None:
        lines = [f"{document['fourcc']}  {code}  an unknown fourcc{', big-endian' if big else ''}"]
        if document["macro"]:
            return [*lines, f"  in C:      {document['macro']}, which stands for no format"]
        return [*lines, "  the kernel's header has no such format"]
    suffix = "_BE" if big else ""
    lines = [f"{document['fourcc']}{suffix}  {code}  {name}, a pixel format"]
    lines.append(f"  content:   {document['content']}; {_planes_text(document['planes'])}")
    if big:
        lines.append("  bytes:     big-endian (bit 31 is set): the highest byte of a word comes first")
    if not document["planes"]:
        lines.append("  memory:    no linear layout is defined; it always needs a modifier that tells the layout")
    lines.append(f"  mdevview:  {'shows it' if document['shown'] else 'does not show it: no vGPU reports it'}")
    lines.append(f"  in C:      {document['macro']}")
    for number, plane in enumerate(document["planes"]):
        lines += ["", f"  {_plane_heading(number, plane, len(document['planes']))}"]
        lines += [f"    {each}" for each in ("word  " + plane["word"], *plane["picture"])]
    if any(each["name"] in ("Cb", "Cr") for plane in document["planes"] for each in plane["components"]):
        lines += ["", f"  {LEGEND}; where there is a second line, it numbers the samples"]
    return lines


def _macro(layout: FormatLayout | None, big_endian: bool, code: int) -> str | None:
    if layout is None:
        return "DRM_FORMAT_INVALID" if code == drm.DRM_FORMAT_INVALID else None
    return f"DRM_FORMAT_{layout.name}" + (" | DRM_FORMAT_BIG_ENDIAN" if big_endian else "")


def _plane(plane: PlaneLayout, big_endian: bool) -> dict[str, Any]:
    return {
        "width": plane.width,
        "height": plane.height,
        "bytes": plane.size,
        "bits_per_pixel": round(plane.bits_per_pixel, 3),
        "components": [
            {"name": each.name, "sample": each.sample, "low_bit": each.shift, "bits": each.bits}
            for each in plane.components
        ],
        "word": _word(plane, big_endian),
        "picture": picture(plane, big_endian),
    }


def _word(plane: PlaneLayout, big_endian: bool) -> str:
    """The word in the notation of the kernel's header: the highest bits first."""
    parts = list(reversed(plane.components))
    names, bits = ":".join(each.label for each in parts), ":".join(str(each.bits) for each in parts)
    order = "" if plane.size == 1 else " big endian" if big_endian else " little endian"
    return f"[{8 * plane.size - 1}:0] {names} {bits}{order}"


def _planes_text(planes: list[dict[str, Any]]) -> str:
    if not planes:
        return "one plane"
    total = sum(each["bits_per_pixel"] for each in planes)
    return f"{_count(len(planes), 'plane')}, {total:g} bits a pixel"


def _plane_heading(number: int, plane: dict[str, Any], planes: int) -> str:
    width, height = plane["width"], plane["height"]
    size = _count(plane["bytes"], "byte")
    pixels = "a pixel" if (width, height) == (1, 1) else f"{width} x {height} pixels"
    names = list(dict.fromkeys(each["name"] for each in reversed(plane["components"]) if each["name"] not in "x0"))
    where = f"plane {number}, {' '.join(names)}: " if planes > 1 else ""
    return f"{where}{size} for {pixels}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
