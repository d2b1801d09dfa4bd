"""A DisplayID 1.3 extension block, for a timing that the 18 bytes of a detailed timing cannot hold.

The version is 1.3, because the oldest guests (Linux 4.7) know its type I timing; version 2.0 has type VII instead. The
other data blocks are mandatory for a display.
"""

from app.edid import block
from app.edid.detailed import encode_type_1
from app.edid.timing import Timing

_EXTENSION_TAG = 0x70
_VERSION = 0x13
_SECTION_SIZE = 121
_STANDALONE_DISPLAY = 3

_PRODUCT, _PARAMETERS, _TYPE_1, _INTERFACE = 0x00, 0x01, 0x03, 0x0F

# 8 bits per colour, of the screen and of its input.
_DEPTH = 7 << 4 | 7
# DisplayPort 1.2 with one link, RGB with 8 bits, no YCbCr, no content protection.
_DISPLAYPORT = bytes((0xA1, 0x12, 0x02, 0, 0, 0, 0, 0, 0, 0))


def displayid_block(timing: Timing, serial: int, name: str, size_mm: tuple[int, int]) -> bytes:
    """The block with one preferred timing, the size of the screen, and the identity of the first block."""
    product = (
        block.MANUFACTURER.encode("ascii")
        + block.PRODUCT.to_bytes(2, "little")
        + serial.to_bytes(4, "little")
        + bytes((block.WEEK, block.YEAR - 2000, len(block.printable(name))))
        + block.printable(name)
    )
    longer, shorter = max(timing.width, timing.height), min(timing.width, timing.height)
    parameters = (
        b"".join(each.to_bytes(2, "little") for each in (size_mm[0] * 10, size_mm[1] * 10, timing.width, timing.height))
        # No features; then the aspect ratio minus 1, in hundredths.
        + bytes((0, block.GAMMA, min(255, round(100 * (longer / shorter - 1))), _DEPTH))
    )
    parts = (
        (_PRODUCT, product),
        (_PARAMETERS, parameters),
        (_TYPE_1, encode_type_1(timing)),
        (_INTERFACE, _DISPLAYPORT),
    )
    data = b"".join(bytes((tag, 0, len(body))) + body for tag, body in parts)
    section = bytes((_VERSION, _SECTION_SIZE, _STANDALONE_DISPLAY, 0)) + data.ljust(_SECTION_SIZE, b"\0")
    return block.checksummed(bytearray((_EXTENSION_TAG, *section, -sum(section) % 256, 0)))
