"""The first block of an EDID as a document. Its bytes are not trusted; nothing raises.

Source: VESA E-EDID A2 (EDID 1.4). The names of timings are those of ``drivers/gpu/drm/drm_edid.c``.
"""

from typing import Any

from app.edid.detailed import DETAILED_SIZE, decode_detailed
from app.edid.mode import BLOCK
from app.text.clean import visible

_INTERLACED = 0x80

_INTERFACES = {1: "DVI", 2: "HDMI-a", 3: "HDMI-b", 4: "MDDI", 5: "DisplayPort"}
_DEPTHS = {1: 6, 2: 8, 3: 10, 4: 12, 5: 14, 6: 16}
_ENCODINGS = (
    "RGB 4:4:4",
    "RGB 4:4:4 and YCbCr 4:4:4",
    "RGB 4:4:4 and YCbCr 4:2:2",
    "RGB 4:4:4, YCbCr 4:4:4 and YCbCr 4:2:2",
)
_ANALOG_COLOURS = ("monochrome", "RGB colour", "colour, not RGB", "not defined")

# Bits of bytes 35 to 37, the highest first; empty: a bit of the manufacturer's.
_ESTABLISHED = (
    *("720x400@70", "720x400@88", "640x480@60", "640x480@67", "640x480@72", "640x480@75", "800x600@56", "800x600@60"),
    *("800x600@72", "800x600@75", "832x624@75", "1024x768i@87", "1024x768@60", "1024x768@70", "1024x768@75"),
    *("1280x1024@75", "1152x870@75", "", "", "", "", "", "", ""),
)
# "Established timings III": bits of bytes 6 to 11 of a descriptor. R is reduced blanking.
_ESTABLISHED_3 = (
    *("640x350@85", "640x400@85", "720x400@85", "640x480@85", "848x480@60", "800x600@85", "1024x768@85"),
    *("1152x864@75", "1280x768@60R", "1280x768@60", "1280x768@75", "1280x768@85", "1280x960@60", "1280x960@85"),
    *("1280x1024@60", "1280x1024@85", "1360x768@60", "1440x900@60R", "1440x900@60", "1440x900@75", "1440x900@85"),
    *("1400x1050@60R", "1400x1050@60", "1400x1050@75", "1400x1050@85", "1680x1050@60R", "1680x1050@60"),
    *("1680x1050@75", "1680x1050@85", "1600x1200@60", "1600x1200@65", "1600x1200@70", "1600x1200@75", "1600x1200@85"),
    *("1792x1344@60", "1792x1344@75", "1856x1392@60", "1856x1392@75", "1920x1200@60R", "1920x1200@60"),
    *("1920x1200@75", "1920x1200@85", "1920x1440@60", "1920x1440@75"),
)
_ASPECTS = ((16, 10), (4, 3), (5, 4), (16, 9))

_TEXTS = {0xFC: "name", 0xFE: "text", 0xFF: "serial number"}
_DESCRIPTORS = {
    0xF7: "established timings III",
    0xF8: "CVT timing codes",
    0xF9: "display colour management",
    0xFA: "standard timings",
    0xFB: "colour points",
    0xFD: "range limits",
    0x10: "dummy",
}
_FORMULAS = {0: "GTF", 1: "only listed timings", 2: "secondary GTF", 4: "CVT"}


def identity(block: bytes) -> dict[str, Any]:
    """Bytes 8 to 19. ``serial`` and the text of a serial-number descriptor identify one single screen."""
    packed = int.from_bytes(block[8:10], "big")
    letters = "".join(chr(ord("@") + (packed >> shift & 31)) for shift in (10, 5, 0))
    week, year = block[16], block[17] + 1990
    return {
        "manufacturer": letters if letters.isalpha() and letters.isascii() else visible(letters),
        "product": int.from_bytes(block[10:12], "little"),
        "serial": int.from_bytes(block[12:16], "little") or None,
        "week": week if 1 <= week <= 54 else None,
        "year": year,
        "is_model_year": week == 0xFF,
        "edid_version": f"{block[18]}.{block[19]}",
    }


def properties(block: bytes) -> dict[str, Any]:
    """Bytes 20 to 34: the input, size, gamma, features and colours."""
    kind, width, height, gamma, features = block[20:25]
    digital, version_4 = bool(kind & 0x80), block[19] >= 4
    document: dict[str, Any] = {
        "input": "digital" if digital else "analog",
        "bits_per_colour": _DEPTHS.get(kind >> 4 & 7) if digital and version_4 else None,
        "interface": _INTERFACES.get(kind & 0xF) if digital and version_4 else None,
        "width_cm": width if width and height else None,
        "height_cm": height if width and height else None,
        "aspect_ratio": _aspect(width, height) if version_4 else None,
        "gamma": (gamma + 100) / 100 if gamma != 0xFF else None,
        "colours": _ENCODINGS[features >> 3 & 3] if digital and version_4 else _ANALOG_COLOURS[features >> 3 & 3],
        "srgb": bool(features & 4),
        "first_timing_is_native": bool(features & 2) and version_4,
        "continuous_frequency": bool(features & 1),
        "power_states": [name for bit, name in ((0x80, "standby"), (0x40, "suspend"), (0x20, "off")) if features & bit],
    }
    document["chromaticity"] = _chromaticity(block[25:35])
    return document


def _aspect(width: int, height: int) -> float | None:
    """Bytes 21 and 22 hold a ratio if one of them is zero."""
    if bool(width) == bool(height):
        return None
    return round((width + 99) / 100 if width else 100 / (height + 99), 3)


def _chromaticity(data: bytes) -> dict[str, list[float]]:
    low = int.from_bytes(data[0:2], "big")
    values = [(data[2 + index] << 2 | low >> 14 - 2 * index & 3) / 1024 for index in range(8)]
    names = ("red", "green", "blue", "white")
    return {name: [round(each, 3) for each in values[2 * at : 2 * at + 2]] for at, name in enumerate(names)}


def timings(block: bytes) -> dict[str, Any]:
    """Bytes 35 to 53: established and standard timings as text."""
    bits = int.from_bytes(block[35:38], "big")
    established = [name for at, name in enumerate(_ESTABLISHED) if name and bits >> 23 - at & 1]
    return {
        "established_timings": established,
        "standard_timings": standard_timings(block[38:54], revision=block[19]),
    }


def standard_timings(data: bytes, revision: int = 4) -> list[str]:
    """Pairs of bytes; unused ones are left out. Before EDID 1.3 the first aspect ratio was 1:1."""
    found = []
    for first, second in zip(data[0::2], data[1::2], strict=False):
        if (first, second) == (1, 1) or first == 0:
            continue
        width = (first + 31) * 8
        across, down = (1, 1) if second >> 6 == 0 and revision < 3 else _ASPECTS[second >> 6]
        found.append(f"{width}x{width * down // across}@{(second & 63) + 60}")
    return found


def descriptors(block: bytes) -> list[dict[str, Any]]:
    """Bytes 54 to 125: four detailed timings or other descriptors."""
    found = []
    for at in range(54, 126, DETAILED_SIZE):
        data = block[at : at + DETAILED_SIZE]
        found.append(_descriptor(data) if data[0:2] == b"\0\0" else detailed_timing(data))
    return found


def detailed_timing(data: bytes) -> dict[str, Any]:
    """18 bytes with a timing; ``timing`` is None if its width, height or blanking is not plausible."""
    timing = decode_detailed(data)
    document: dict[str, Any] = {"type": "detailed timing", "timing": timing_document(timing)}
    if document["timing"] is not None:
        document["timing"]["interlaced"] = bool(data[17] & _INTERLACED)
        document["width_mm"] = data[12] | data[14] >> 4 << 8
        document["height_mm"] = data[13] | (data[14] & 0xF) << 8
    return document


def timing_document(timing: Any) -> dict[str, Any] | None:
    """A timing in pixels and lines; blanks contain porches and sync."""
    if timing is None:
        return None
    return {
        "width": timing.width,
        "height": timing.height,
        "refresh_hz": round(timing.refresh_hz, 3),
        "line_khz": round(timing.line_khz, 3),
        "clock_khz": timing.clock_khz,
        "h_front": timing.h_front,
        "h_sync": timing.h_sync,
        "h_blank": timing.h_blank,
        "v_front": timing.v_front,
        "v_sync": timing.v_sync,
        "v_blank": timing.v_blank,
        "h_positive": timing.h_positive,
        "v_positive": timing.v_positive,
        "interlaced": False,
    }


def _descriptor(data: bytes) -> dict[str, Any]:
    tag = data[3]
    document: dict[str, Any] = {"type": _TEXTS.get(tag) or _DESCRIPTORS.get(tag) or f"unknown, tag 0x{tag:02x}"}
    if tag < 0x10:
        document["type"] = f"manufacturer's own, tag 0x{tag:02x}"
    elif tag in _TEXTS:
        document["text"] = _text(data[5:])
    elif tag == 0xFD:
        document |= _range_limits(data)
    elif tag == 0xFA:
        document["timings"] = standard_timings(data[5:17])
    elif tag == 0xF7:
        bits = int.from_bytes(data[6:12], "big")
        document["timings"] = [name for at, name in enumerate(_ESTABLISHED_3) if bits >> 47 - at & 1]
    return document


def _text(data: bytes) -> str:
    return "".join(chr(each) if 32 <= each < 127 else "?" for each in data.split(b"\n")[0]).strip()


def _range_limits(data: bytes) -> dict[str, Any]:
    flags = data[4]
    offsets = [
        255 if flags & bit and (not half or flags & half) else 0 for bit, half in ((2, 1), (2, 0), (8, 4), (8, 0))
    ]
    v_least, v_most, h_least, h_most = (value + offset for value, offset in zip(data[5:9], offsets, strict=True))
    return {
        "v_least_hz": v_least,
        "v_most_hz": v_most,
        "h_least_khz": h_least,
        "h_most_khz": h_most,
        "clock_mhz": data[9] * 10 or None,
        "formula": _FORMULAS.get(data[10], f"unknown, {data[10]}"),
    }


def checksum_is_right(block: bytes) -> bool:
    """Whether the sum of a block's bytes is 0 modulo 256."""
    return len(block) == BLOCK and sum(block) % 256 == 0
