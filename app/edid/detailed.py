"""The two encodings of a timing: the detailed timing of an EDID (E-EDID A2, 3.10.2), and type I of DisplayID 1.3."""

from app.edid.timing import CLOCK_STEP_KHZ, Timing

DETAILED_SIZE = 18
TYPE_1_SIZE = 20

# Digital separate sync and its polarities. In type I the polarity is the highest bit of the front porch.
_SEPARATE_SYNC = 0x18
_V_POSITIVE = 0x04
_H_POSITIVE = 0x02
_INTERLACED = 0x80
_TYPE_1_PREFERRED = 0x80
_TYPE_1_POSITIVE = 0x8000
_ASPECTS = ((1, 1), (5, 4), (4, 3), (15, 9), (16, 9), (16, 10))
_ASPECT_OTHER = 8

MAX_CLOCK_KHZ = 0xFFFF * CLOCK_STEP_KHZ
MAX_ACTIVE = 0xFFF


def fits_detailed(timing: Timing) -> bool:
    """Whether 18 bytes can hold it: 12 bits for active and blank, 10 and 6 for porch and sync, 655.35 MHz."""
    return (
        CLOCK_STEP_KHZ <= timing.clock_khz <= MAX_CLOCK_KHZ
        and max(timing.width, timing.height, timing.h_blank, timing.v_blank) <= MAX_ACTIVE
        and max(timing.h_front, timing.h_sync) < 1 << 10
        and max(timing.v_front, timing.v_sync) < 1 << 6
    )


def encode_detailed(timing: Timing, width_mm: int, height_mm: int) -> bytes:
    """The 18 bytes. Width and height are at most 4095 mm."""
    out = bytearray(DETAILED_SIZE)
    out[0:2] = (timing.clock_khz // CLOCK_STEP_KHZ).to_bytes(2, "little")
    pairs = ((2, timing.width, timing.h_blank), (5, timing.height, timing.v_blank), (12, width_mm, height_mm))
    for start, first, second in pairs:
        out[start : start + 3] = bytes((first & 0xFF, second & 0xFF, first >> 8 << 4 | second >> 8))
    out[8], out[9] = timing.h_front & 0xFF, timing.h_sync & 0xFF
    out[10] = (timing.v_front & 0xF) << 4 | timing.v_sync & 0xF
    out[11] = timing.h_front >> 8 << 6 | timing.h_sync >> 8 << 4 | timing.v_front >> 4 << 2 | timing.v_sync >> 4
    out[17] = _SEPARATE_SYNC | _H_POSITIVE * timing.h_positive | _V_POSITIVE * timing.v_positive
    return bytes(out)


def decode_detailed(data: bytes) -> Timing | None:
    """The timing in 18 bytes of an EDID; None if there is none. An interlaced one has the height of both fields."""
    clock = int.from_bytes(data[0:2], "little") * CLOCK_STEP_KHZ
    width, h_blank = _pair(data[2:5])
    height, v_blank = _pair(data[5:8])
    if not (clock and width and height):
        return None
    fields = 2 if data[17] & _INTERLACED else 1
    return Timing(
        clock,
        width,
        h_blank,
        data[8] | data[11] >> 6 << 8,
        data[9] | (data[11] >> 4 & 3) << 8,
        height * fields,
        v_blank * fields,
        data[10] >> 4 | (data[11] >> 2 & 3) << 4,
        data[10] & 0xF | (data[11] & 3) << 4,
        bool(data[17] & _H_POSITIVE),
        bool(data[17] & _V_POSITIVE),
    )


def _pair(data: bytes) -> tuple[int, int]:
    return data[0] | data[2] >> 4 << 8, data[1] | (data[2] & 0xF) << 8


def encode_type_1(timing: Timing, preferred: bool = True) -> bytes:
    """The 20 bytes. Every number is stored minus one."""
    aspect = next(
        (code for code, (across, down) in enumerate(_ASPECTS) if timing.width * down == timing.height * across),
        _ASPECT_OTHER,
    )
    figures = (
        timing.width,
        timing.h_blank,
        timing.h_front,
        timing.h_sync,
        timing.height,
        timing.v_blank,
        timing.v_front,
        timing.v_sync,
    )
    words = [each - 1 for each in figures]
    words[2] |= _TYPE_1_POSITIVE * timing.h_positive
    words[6] |= _TYPE_1_POSITIVE * timing.v_positive
    clock = (timing.clock_khz // CLOCK_STEP_KHZ - 1).to_bytes(3, "little")
    flags = aspect | _TYPE_1_PREFERRED * preferred
    return clock + bytes((flags,)) + b"".join(each.to_bytes(2, "little") for each in words)


def decode_type_1(data: bytes, step_khz: int = CLOCK_STEP_KHZ) -> tuple[Timing, bool]:
    """The timing in 20 bytes, and whether it is preferred. For type VII of DisplayID 2.0 pass a ``step_khz`` of 1."""
    clock = (int.from_bytes(data[0:3], "little") + 1) * step_khz
    words = [int.from_bytes(data[at : at + 2], "little") for at in range(4, TYPE_1_SIZE, 2)]
    width, h_blank, h_front, h_sync, height, v_blank, v_front, v_sync = (
        (each & ~_TYPE_1_POSITIVE if index in (2, 6) else each) + 1 for index, each in enumerate(words)
    )
    h_positive, v_positive = bool(words[2] & _TYPE_1_POSITIVE), bool(words[6] & _TYPE_1_POSITIVE)
    timing = Timing(
        clock,
        width,
        h_blank,
        h_front,
        h_sync,
        height,
        v_blank,
        v_front,
        v_sync,
        h_positive,
        v_positive,
    )
    return timing, bool(data[3] & _TYPE_1_PREFERRED)
