"""Parses an EDID: the name of the screen and its preferred mode. The bytes are not trusted."""

from dataclasses import dataclass

from app.edid.block import HEADER
from app.edid.detailed import DETAILED_SIZE, TYPE_1_SIZE, decode_detailed, decode_type_1
from app.edid.mode import BLOCK
from app.edid.timing import CLOCK_STEP_KHZ, Timing

_DESCRIPTORS = range(54, 126, DETAILED_SIZE)
_NAME = b"\0\0\0\xfc"
_DISPLAYID_TAG = 0x70
# The tag of data blocks with timings in DisplayID 1 and 2, and the unit of their clock in kHz.
_TIMING_TAGS = {0x03: CLOCK_STEP_KHZ, 0x22: 1}


@dataclass(frozen=True, slots=True)
class Edid:
    """``manufacturer`` has three letters. ``name`` and ``preferred`` are None if the EDID has none."""

    manufacturer: str
    product: int
    name: str | None
    preferred: Timing | None


def blocks(data: bytes) -> bytes:
    """The EDID without the bytes after its last block. Raises ValueError for bytes that are no EDID."""
    if not data.startswith(HEADER) or len(data) < BLOCK:
        raise ValueError("no EDID: the header is missing")
    size = BLOCK * (data[BLOCK - 2] + 1)
    if len(data) < size:
        raise ValueError(f"an EDID of {size} bytes, cut off after {len(data)}")
    if any(sum(data[at : at + BLOCK]) % 256 for at in range(0, size, BLOCK)):
        raise ValueError("an EDID with a wrong checksum")
    return data[:size]


def parse_edid(data: bytes) -> Edid:
    """Parse an EDID. Raises ValueError for bytes that are no EDID."""
    data = blocks(data)
    packed = int.from_bytes(data[8:10], "big")
    letters = "".join(chr(ord("@") + (packed >> shift & 31)) for shift in (10, 5, 0))
    descriptors = [data[at : at + DETAILED_SIZE] for at in _DESCRIPTORS]
    names = [each[5:].split(b"\n")[0] for each in descriptors if each.startswith(_NAME)]
    # These bytes come from a guest or a driver, and the name is shown on a terminal.
    name = "".join(chr(each) if 32 <= each < 127 else "?" for each in names[0]).strip() if names else None
    preferred = _preferred_displayid(data) or decode_detailed(descriptors[0])
    return Edid(letters, int.from_bytes(data[10:12], "little"), name or None, preferred)


def _preferred_displayid(data: bytes) -> Timing | None:
    """The first timing of a DisplayID block that is marked as preferred."""
    for start in range(BLOCK, len(data), BLOCK):
        section = data[start + 1 : start + BLOCK - 1]
        if data[start] != _DISPLAYID_TAG:
            continue
        at, end = 4, min(4 + section[1], len(section))
        while at + 3 <= end:
            step = _TIMING_TAGS.get(section[at])
            body = section[at + 3 : min(at + 3 + section[at + 2], end)]
            for first in range(0, len(body) - TYPE_1_SIZE + 1 if step else 0, TYPE_1_SIZE):
                timing, preferred = decode_type_1(body[first : first + TYPE_1_SIZE], step or 1)
                if preferred:
                    return timing
            at += 3 + section[at + 2]
    return None
