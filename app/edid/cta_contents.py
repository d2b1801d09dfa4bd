"""A CTA-861 extension block of an EDID as a document: its data blocks and timings. Nothing raises.

Source: CTA-861-H, sections 7.3 to 7.5; HDMI 1.4b, 8.3.2.
"""

from typing import Any

from app.edid.base_contents import detailed_timing
from app.edid.detailed import DETAILED_SIZE
from app.edid.vic import vic_names

_HEADER_SIZE = 4
_CHECKSUM_AT = 127

_AUDIO = {
    1: "LPCM",
    2: "AC-3",
    3: "MPEG-1",
    4: "MP3",
    5: "MPEG-2",
    6: "AAC LC",
    7: "DTS",
    8: "ATRAC",
    9: "One Bit Audio",
    10: "Enhanced AC-3",
    11: "DTS-HD",
    12: "MAT",
    13: "DST",
    14: "WMA Pro",
    15: "extended",
}
_RATES = ("32", "44.1", "48", "88.2", "96", "176.4", "192")
_SPEAKERS = ("FL/FR", "LFE", "FC", "RL/RR", "RC", "FLC/FRC", "RLC/RRC")
_VENDORS = {0x000C03: "HDMI", 0xC45DD8: "HDMI Forum", 0x00001A: "AMD", 0x90848B: "HDR10+", 0x00D046: "Dolby"}
_NAMES = {
    1: "audio",
    2: "video",
    3: "vendor-specific",
    4: "speaker allocation",
    5: "VESA display transfer characteristics",
    6: "video format",
}
_EXTENDED = {
    0: "video capability",
    1: "vendor-specific video",
    2: "VESA display device",
    3: "VESA video timing",
    5: "colorimetry",
    6: "HDR static metadata",
    7: "HDR dynamic metadata",
    8: "native video resolution",
    13: "video format preference",
    14: "YCbCr 4:2:0 video",
    15: "YCbCr 4:2:0 capability map",
    17: "vendor-specific audio",
    18: "HDMI audio",
    19: "room configuration",
    20: "speaker location",
    32: "InfoFrame",
    34: "DisplayID type VII timing",
    35: "DisplayID type VIII timing",
    42: "DisplayID type X timing",
    120: "HDMI Forum EDID extension override",
    121: "HDMI Forum sink capability",
}
_COLORIMETRY = (
    *("xvYCC601", "xvYCC709", "sYCC601", "opYCC601", "opRGB", "BT2020cYCC", "BT2020YCC", "BT2020RGB"),
    *("", "", "", "", "", "", "sRGB", "DCI-P3"),
)
_TRANSFERS = ("SDR gamma", "HDR gamma", "PQ (SMPTE ST 2084)", "HLG")
_SCANS = ("no data", "always overscanned", "always underscanned", "both are supported")
_OVERRIDE = 120


def cta_contents(block: bytes, faults: list[str]) -> dict[str, Any]:
    """The document of a block of 128 bytes. What is wrong in it is added to ``faults``."""
    revision, timings_at, flags = block[1], block[2], block[3]
    document: dict[str, Any] = {"revision": revision}
    if revision >= 2:
        names = ((0x80, "underscan"), (0x40, "basic audio"), (0x20, "YCbCr 4:4:4"), (0x10, "YCbCr 4:2:2"))
        document["features"] = [name for bit, name in names if flags & bit]
        document["native_timings"] = flags & 0xF
    end = timings_at if _HEADER_SIZE <= timings_at <= _CHECKSUM_AT else _CHECKSUM_AT
    if timings_at not in (0, *range(_HEADER_SIZE, _CHECKSUM_AT + 1)):
        faults.append(f"the CTA-861 block says that its timings start at byte {timings_at}, which is outside of it")
    has_blocks = revision >= 3 and timings_at != 0
    document["data_blocks"] = _data_blocks(block[_HEADER_SIZE:end], faults) if has_blocks else []
    document["timings"] = _timings(block[end:_CHECKSUM_AT]) if timings_at else []
    return document


def overridden_count(block: bytes) -> int | None:
    """The number of extension blocks that HDMI Forum's override says in the first extension block; None without."""
    if block[0] != 2 or block[_HEADER_SIZE] >> 5 != 7 or block[_HEADER_SIZE] & 31 < 2:
        return None
    return block[_HEADER_SIZE + 2] if block[_HEADER_SIZE + 1] == _OVERRIDE else None


def _timings(data: bytes) -> list[dict[str, Any]]:
    found = []
    for at in range(0, len(data) - DETAILED_SIZE + 1, DETAILED_SIZE):
        part = data[at : at + DETAILED_SIZE]
        if part[0:2] == b"\0\0":
            break
        found.append(detailed_timing(part))
    return found


def _data_blocks(data: bytes, faults: list[str]) -> list[dict[str, Any]]:
    found, at = [], 0
    while at < len(data):
        tag, size = data[at] >> 5, data[at] & 31
        body = data[at + 1 : at + 1 + size]
        if len(body) < size:
            faults.append(f"a data block of the CTA-861 block is longer ({size} bytes) than what follows ({len(body)})")
        found.append(_data_block(tag, body))
        at += 1 + size
    return found


def _data_block(tag: int, body: bytes) -> dict[str, Any]:
    if tag == 7:
        extended = body[0] if body else None
        name = _EXTENDED.get(extended, f"unknown, extended tag {extended}") if extended is not None else "empty"
        return {"name": name, "size": len(body), "details": _extended_details(extended, body[1:])}
    return {"name": _NAMES.get(tag, f"unknown, tag {tag}"), "size": len(body), "details": _details(tag, body)}


def _details(tag: int, body: bytes) -> list[str]:
    if tag == 1:
        return [_audio(body[at : at + 3]) for at in range(0, len(body) - 2, 3)]
    if tag == 2:
        return [_video(each) for each in body]
    if tag == 3 and len(body) >= 3:
        return _vendor(int.from_bytes(body[0:3], "little"), body)
    if tag == 4 and body:
        return [name for bit, name in enumerate(_SPEAKERS) if body[0] >> bit & 1]
    return []


def _extended_details(tag: int | None, body: bytes) -> list[str]:
    match tag:
        case 0 if body:
            scans = zip(("PT", "IT", "CE"), (body[0] >> 4 & 3, body[0] >> 2 & 3, body[0] & 3), strict=True)
            ranges = ["RGB range selectable"] if body[0] & 0x40 else []
            ranges += ["YCC range selectable"] if body[0] & 0x80 else []
            return ranges + [f"{name} modes: {_SCANS[each]}" for name, each in scans]
        case 1 | 17 if len(body) >= 3:
            return _vendor(int.from_bytes(body[0:3], "little"), b"")
        case 5 if len(body) >= 2:
            bits = body[0] | body[1] << 8
            return [name for bit, name in enumerate(_COLORIMETRY) if name and bits >> bit & 1]
        case 6 if body:
            found = [name for bit, name in enumerate(_TRANSFERS) if body[0] >> bit & 1]
            # Luminance is coded logarithmically (CTA-861-H, 7.5.13).
            found += [f"most {50 * 2 ** (body[2] / 32):.0f} cd/m²"] if len(body) > 2 and body[2] else []
            return found
        case 13:
            return [_preference(each) for each in body]
        case 14:
            return [_video(each) for each in body]
        case 120 if body:
            return [f"{body[0]} extension blocks"]
    return []


def _audio(data: bytes) -> str:
    rates = [rate for bit, rate in enumerate(_RATES) if data[1] >> bit & 1]
    name = _AUDIO.get(data[0] >> 3 & 15, "reserved")
    return f"{name}, {(data[0] & 7) + 1} channels, {'/'.join(rates) or 'no'} kHz"


def _video(code: int) -> str:
    """A short video descriptor: a VIC, with a flag for native ones among the first 64."""
    native = 129 <= code <= 192
    vic = code & 0x7F if native else code
    name = vic_names().get(vic, "reserved")
    return f"VIC {vic} {name}{' (native)' if native else ''}"


def _preference(code: int) -> str:
    if 129 <= code <= 144:
        return f"detailed timing {code - 128}"
    return f"DisplayID timing {code - 144}" if 145 <= code <= 160 else _video(code)


def _vendor(identifier: int, body: bytes) -> list[str]:
    details = [f"{_VENDORS.get(identifier, 'unknown vendor')} (OUI {identifier:06X})"]
    if identifier == 0x000C03 and len(body) >= 5:
        details.append(
            "physical address "
            + ".".join(f"{each:X}" for each in (body[3] >> 4, body[3] & 15, body[4] >> 4, body[4] & 15))
        )
        details += [f"TMDS clock up to {body[6] * 5} MHz"] if len(body) >= 7 and body[6] else []
    if identifier == 0xC45DD8 and len(body) >= 5:
        details += [f"TMDS character rate up to {body[4] * 5} MHz"] if body[4] else []
    return details
