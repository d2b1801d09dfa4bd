"""The document of an EDID as text for a person."""

import textwrap
from typing import Any

_WIDTH = 112
_INDENT = " " * 15

_LABELS = {"detailed timing": "timing", "range limits": "limits", "text": "text"}
_SHOWN_ELSEWHERE = ("name", "serial number", "dummy")


def edid_lines(document: dict[str, Any]) -> list[str]:
    """The lines; the first one is the heading."""
    name = next((each["text"] for each in document["descriptors"] if each["type"] == "name"), None)
    product = f"{document['manufacturer']} 0x{document['product']:04x}"
    lines = [f"EDID {document['edid_version']} of {product}{f', {name!r}' if name else ''}"]
    lines += _row("made", _date(document))
    lines += _row("serial", _serial(document))
    lines += _row("input", _input(document))
    lines += _row("size", _size(document))
    lines += _row("colours", _colours(document))
    lines += _row("features", _features(document))
    lines += _row("established", ", ".join(document["established_timings"]) or "no timings")
    lines += _row("standard", ", ".join(document["standard_timings"]) or "no timings")
    for each in document["descriptors"]:
        if each["type"] not in _SHOWN_ELSEWHERE:
            lines += _row(_LABELS.get(each["type"], "descriptor"), _descriptor(each))
    for each in document["extensions"]:
        lines += _extension(each)
    lines += [line for each in document["faults"] for line in _row("fault", each)]
    return lines if document["faults"] else [*lines, *_row("checksums", "right")]


def _row(label: str, text: str) -> list[str]:
    if not text:
        return []
    first = f"  {label}:".ljust(len(_INDENT))
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=_INDENT, break_on_hyphens=False)


def _date(document: dict[str, Any]) -> str:
    if document["is_model_year"]:
        return f"model of {document['year']}"
    week = f"week {document['week']} of " if document["week"] else ""
    return f"{week}{document['year']}"


def _serial(document: dict[str, Any]) -> str:
    texts = [each["text"] for each in document["descriptors"] if each["type"] == "serial number"]
    texts += [str(document["serial"])] if document["serial"] else []
    return f"{', '.join(texts)} (identifies this very screen: leave it out of what you publish)" if texts else ""


def _input(document: dict[str, Any]) -> str:
    bits = document["bits_per_colour"]
    return ", ".join(
        each for each in (document["input"], document["interface"], f"{bits} bits a colour" if bits else None) if each
    )


def _size(document: dict[str, Any]) -> str:
    if document["width_cm"]:
        return f"{document['width_cm']} x {document['height_cm']} cm"
    ratio = document["aspect_ratio"]
    return f"not given; aspect ratio {ratio:g}" if ratio else "not given"


def _colours(document: dict[str, Any]) -> str:
    points = [f"{name} {x:.3f} {y:.3f}" for name, (x, y) in document["chromaticity"].items()]
    gamma = f"gamma {document['gamma']:.2f}" if document["gamma"] else "no gamma"
    return f"{document['colours']}; {gamma}; {', '.join(points)}" + ("; sRGB" if document["srgb"] else "")


def _features(document: dict[str, Any]) -> str:
    found = [f"the first timing is the {'native' if document['first_timing_is_native'] else 'preferred'} one"]
    found += ["any timing within the limits"] if document["continuous_frequency"] else []
    if document["power_states"]:
        found.append("power states " + ", ".join(document["power_states"]))
    return "; ".join(found)


def _descriptor(document: dict[str, Any]) -> str:
    kind = document["type"]
    if kind == "detailed timing":
        text = _timing(document["timing"])
        size = f", {document['width_mm']} x {document['height_mm']} mm" if document.get("width_mm") else ""
        return text + size
    if "text" in document:
        return repr(document["text"])
    if kind == "range limits":
        clock = f", at most {document['clock_mhz']} MHz" if document["clock_mhz"] else ""
        return (
            f"{document['v_least_hz']} to {document['v_most_hz']} Hz, "
            f"{document['h_least_khz']} to {document['h_most_khz']} kHz{clock}; {document['formula']}"
        )
    if "timings" in document:
        return f"{kind}: {', '.join(document['timings']) or 'none'}"
    return str(kind)


def _timing(timing: dict[str, Any] | None) -> str:
    if timing is None:
        return "a detailed timing without a picture"
    signs = ("-", "+")
    return (
        f"{timing['width']}x{timing['height']}{'i' if timing['interlaced'] else ''}@{timing['refresh_hz']:.2f}, "
        f"{timing['clock_khz'] / 1000:g} MHz, {timing['line_khz']:.2f} kHz, "
        f"h {timing['h_front']} {timing['h_sync']} {timing['h_blank']}, "
        f"v {timing['v_front']} {timing['v_sync']} {timing['v_blank']} (front porch, sync, blank), "
        f"sync {signs[timing['h_positive']]}h {signs[timing['v_positive']]}v"
    )


def _extension(document: dict[str, Any]) -> list[str]:
    lines = [f"  block {document['block']}: {document['name']} (tag 0x{document['tag']:02x})" + _version(document)]
    for each in document.get("data_blocks", ()):
        details = list(each.get("details", ()))
        details += [repr(each["text"])] if each.get("text") else []
        for timing in each.get("timings", ()):
            details.append(_timing(timing["timing"]) + (", preferred" if timing["preferred"] else ""))
        text = f"{each['name']}, {each['size']} bytes"
        lines += _row("  data", f"{text}: {'; '.join(details)}" if details else text)
    for each in document.get("timings", ()):
        lines += _row("  timing", _descriptor(each))
    return lines


def _version(document: dict[str, Any]) -> str:
    if "displayid_version" in document:
        return f", version {document['displayid_version']}"
    features = ", ".join(document.get("features", ()))
    if "revision" in document:
        return f", revision {document['revision']}" + (f": {features}" if features else "")
    return ""
