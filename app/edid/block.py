"""The parts of an EDID 1.4 (VESA E-EDID A2) that are not detailed timings: identity, size, limits, modes, checksum."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from app.edid.mode import BLOCK, Limits
from app.edid.timing import Timing

HEADER = bytes.fromhex("00ffffffffffff00")

# No manufacturer has these letters (hwdata's pnp.ids, 2023; MDV is in use). QEMU uses those of its vendor, RHT. No
# letters are reserved for virtual screens.
MANUFACTURER = "MVW"
PRODUCT = 1
WEEK, YEAR = 1, 2024

# Digital, 8 bits per colour, DisplayPort, as GVT-g emulates it. sRGB; the preferred timing is the native one.
_INPUT = 0xA5
GAMMA = 220 - 100
_FEATURES = 0x06
_CHROMATICITY = bytes.fromhex("ee91a3544c99260f5054")

_MM_PER_INCH = 25.4
_MAX_CM = 255
NAME_SIZE = 13

_TAG_NAME = 0xFC
_TAG_RANGE = 0xFD
_TAG_DUMMY = 0x10
# There is no formula for other modes: only listed modes are valid.
_RANGE_ONLY = 0x01

# Modes of 60 Hz that have a bit in the EDID: size, byte, bit.
_ESTABLISHED = ((640, 480, 35, 5), (800, 600, 35, 0), (1024, 768, 36, 3))
# Modes of 60 Hz as standard timings: size, code of the aspect ratio. An EDID holds eight.
_STANDARD = (
    (1920, 1200, 0),
    (1920, 1080, 3),
    (1680, 1050, 0),
    (1600, 900, 3),
    (1440, 900, 0),
    (1280, 1024, 2),
    (1280, 800, 0),
    (1280, 720, 3),
    (1400, 1050, 1),
)
_STANDARD_ROOM = 8
_UNUSED = b"\x01"


@dataclass(frozen=True, slots=True)
class Ranges:
    """The range of all modes: refresh rate in Hz, line rate in kHz, and the highest pixel clock in kHz."""

    v_least: float
    v_most: float
    h_least: float
    h_most: float
    clock_khz: int

    def with_timing(self, timing: Timing) -> "Ranges":
        return Ranges(
            min(self.v_least, timing.refresh_hz),
            max(self.v_most, timing.refresh_hz),
            min(self.h_least, timing.line_khz),
            max(self.h_most, timing.line_khz),
            max(self.clock_khz, timing.clock_khz),
        )


# The range of the established and standard timings above (VESA DMT).
STANDARD_RANGES = Ranges(59, 61, 31, 75, 193_250)


def checksummed(block: bytearray) -> bytes:
    """The block with its last byte set so that the sum of all bytes is 0 modulo 256."""
    block[BLOCK - 1] = -sum(block[: BLOCK - 1]) % 256
    return bytes(block)


def size_mm(width: int, height: int, dpi: float) -> tuple[int, int]:
    """The size in mm of ``width`` x ``height`` pixels at ``dpi``. An EDID holds at most 255 cm; then dpi is higher."""
    least = max(width, height) * _MM_PER_INCH / (_MAX_CM * 10)
    pitch = _MM_PER_INCH / max(dpi, least)
    return max(1, round(width * pitch)), max(1, round(height * pitch))


def identity(serial: int) -> bytes:
    """Bytes 8 to 19: manufacturer, product, serial number, date, and the version of EDID."""
    letters = [ord(each) - ord("A") + 1 for each in MANUFACTURER]
    packed = letters[0] << 10 | letters[1] << 5 | letters[2]
    return (
        packed.to_bytes(2, "big")
        + PRODUCT.to_bytes(2, "little")
        + serial.to_bytes(4, "little")
        + bytes((WEEK, YEAR - 1990, 1, 4))
    )


def properties(width_mm: int, height_mm: int) -> bytes:
    """Bytes 20 to 34: input, size in cm, gamma, features, colours."""
    centimetres = (max(1, min(_MAX_CM, round(each / 10))) for each in (width_mm, height_mm))
    return bytes((_INPUT, *centimetres, GAMMA, _FEATURES)) + _CHROMATICITY


def other_modes(limits: Limits) -> bytes:
    """Bytes 35 to 53: the established and standard timings within the device's limits."""
    established = bytearray(3)
    for width, height, byte, bit in _ESTABLISHED:
        if limits.allow(width, height):
            established[byte - 35] |= 1 << bit
    standard = [
        bytes((width // 8 - 31, aspect << 6)) for width, height, aspect in _STANDARD if limits.allow(width, height)
    ][:_STANDARD_ROOM]
    return bytes(established) + b"".join(standard).ljust(2 * _STANDARD_ROOM, _UNUSED)


def name_descriptor(name: str) -> bytes:
    """The monitor's name, which the guest's settings show: at most 13 ASCII characters."""
    return _descriptor(_TAG_NAME, _text(name))


def dummy_descriptor() -> bytes:
    return _descriptor(_TAG_DUMMY, b"")


def range_descriptor(ranges: Iterable[Timing]) -> bytes:
    """The range of all modes. A dummy descriptor if a value is too large for it (510 Hz or kHz, 2550 MHz)."""
    whole = STANDARD_RANGES
    for each in ranges:
        whole = whole.with_timing(each)
    v_least, v_most = math.floor(whole.v_least), math.ceil(whole.v_most)
    h_least, h_most = math.floor(whole.h_least), math.ceil(whole.h_most)
    clock = -(-whole.clock_khz // 10_000)
    if max(v_most, h_most) > 510 or clock > 255:
        return dummy_descriptor()
    flags = 0
    if v_most > 255:
        flags, v_most = flags | 0x02, v_most - 255
    if h_most > 255:
        flags, h_most = flags | 0x08, h_most - 255
    body = bytes((v_least, v_most, h_least, h_most, clock, _RANGE_ONLY)) + b"\n".ljust(7)
    return _descriptor(_TAG_RANGE, body, flags)


def printable(text: str) -> bytes:
    """The text as at most 13 ASCII characters."""
    return text.encode("ascii", "replace")[:NAME_SIZE]


def _text(text: str) -> bytes:
    encoded = printable(text)
    return encoded if len(encoded) == NAME_SIZE else (encoded + b"\n").ljust(NAME_SIZE)


def _descriptor(tag: int, body: bytes, flags: int = 0) -> bytes:
    return bytes((0, 0, 0, tag, flags)) + body.ljust(NAME_SIZE, b"\0")
