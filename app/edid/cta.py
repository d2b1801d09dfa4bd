"""A CTA-861 extension block: it lists modes that are too large for the standard timings of the first block."""

from app.edid.block import checksummed
from app.edid.mode import BLOCK, Limits
from app.edid.timing import Timing

_CTA_TAG = 0x02
_CTA_REVISION = 3
_UNDERSCAN = 0x80
_VIDEO_TAG = 2
_EXTENDED_TAG = 7
_VIDEO_CAPABILITY = 0
_VIDEO_PREFERENCE = 13
# The RGB range is selectable; IT and CE modes are never overscanned. So guests show all pixels unchanged.
_CAPABILITIES = 0x40 | 0x08 | 0x02
# This code stands for the first detailed timing of the first block.
_FIRST_DETAILED = 129

# Modes of 60 Hz wider than 2288 pixels, the most of a standard timing: their numbers (VIC) in CTA-861 and timings.
_VICS = (
    (90, Timing(198_000, 2560, 440, 248, 44, 1080, 20, 4, 5, True, True)),
    (97, Timing(594_000, 3840, 560, 176, 88, 2160, 90, 8, 10, True, True)),
    (102, Timing(594_000, 4096, 304, 88, 88, 2160, 90, 8, 10, True, True)),
    (126, Timing(742_500, 5120, 380, 164, 88, 2160, 90, 8, 10, True, True)),
)


def vics(limits: Limits) -> list[tuple[int, Timing]]:
    """The larger modes that the device can show, by VIC. None if the device does not report its limits."""
    if limits.max_width is None or limits.max_height is None:
        return []
    return [(vic, timing) for vic, timing in _VICS if limits.allow(timing.width, timing.height)]


def cta_block(numbers: list[int]) -> bytes:
    """A block with these VICs. The first block's timing stays the preferred one. No audio, no HDMI."""
    video = bytes((_VIDEO_TAG << 5 | len(numbers), *numbers))
    capability = bytes((_EXTENDED_TAG << 5 | 2, _VIDEO_CAPABILITY, _CAPABILITIES))
    preference = bytes((_EXTENDED_TAG << 5 | 2, _VIDEO_PREFERENCE, _FIRST_DETAILED))
    data = video + capability + preference
    block = bytearray((_CTA_TAG, _CTA_REVISION, 4 + len(data), _UNDERSCAN)) + data
    return checksummed(block.ljust(BLOCK, b"\0"))
