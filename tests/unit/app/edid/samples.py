"""EDIDs for tests: those that this program makes, and one with what screens of people have."""

from app.edid.block import HEADER, checksummed
from app.edid.detailed import encode_detailed
from app.edid.make import make_edid
from app.edid.mode import BLOCK, Limits, Mode
from app.edid.timing import Timing

WITH_CTA = make_edid(Mode(1920, 1080), Limits(5120, 2880))
WITH_DISPLAYID = make_edid(Mode(5120, 2880, 120))

_FULL_HD = Timing(148_500, 1920, 280, 88, 44, 1080, 45, 4, 5, True, True)
_INTERLACED = Timing(74_250, 1920, 280, 88, 44, 540, 22, 2, 5, True, True)


def _text(tag: int, text: str) -> bytes:
    return bytes((0, 0, 0, tag, 0)) + (text + "\n").encode().ljust(13)


def _interlaced() -> bytes:
    data = bytearray(encode_detailed(_INTERLACED, 0, 0))
    data[17] |= 0x80
    return bytes(data)


def _base() -> bytes:
    block = bytearray(HEADER)
    block += bytes.fromhex("4c2d 3412 78563412 0a1e 0104".replace(" ", ""))
    # HDMI-a, 10 bits; 60 x 34 cm; gamma 2.2; power off, YCbCr 4:4:4 and 4:2:2, the first timing is native.
    block += bytes((0xB2, 60, 34, 120, 0x3A)) + bytes.fromhex("ee91a3544c99260f5054")
    block += bytes((0xA5, 0x4B, 0x00))
    block += bytes.fromhex("d1c0 81c0 0101 0101 0101 0101 0101 0101".replace(" ", ""))
    block += encode_detailed(_FULL_HD, 600, 340)
    block += _text(0xFC, "Wide\x1bScreen")
    block += _text(0xFF, "H4ZN900123")
    block += bytes((0, 0, 0, 0xFD, 0, 48, 75, 30, 81, 17, 0)) + b"\n".ljust(7)
    return checksummed(block.ljust(BLOCK - 2, b"\0") + b"\x01\0")


def _cta() -> bytes:
    blocks = (
        bytes((0x23, 0x09, 0x07, 0x07))  # Audio: LPCM, 2 channels, 32 to 48 kHz, 16 to 24 bits.
        + bytes((0x43, 0x90, 0x04, 0x61))  # Video: 16 (native), 4, 97.
        + bytes((0x83, 0x01, 0x00, 0x00))  # Speakers: front left and right.
        + bytes((0x67, 0x03, 0x0C, 0x00, 0x10, 0x00, 0x00, 0x3C))  # HDMI: address 1.0.0.0, 300 MHz.
        + bytes((0xE3, 0x05, 0xC0, 0x00))  # Colorimetry: BT2020YCC and BT2020RGB.
        + bytes((0xE3, 0x06, 0x05, 0x01))  # HDR: SDR gamma and PQ.
        + bytes((0xE2, 0x7A, 0x00))  # An extended tag without a name.
    )
    block = bytearray((0x02, 3, 4 + len(blocks), 0xF1)) + blocks + _interlaced()
    return checksummed(block.ljust(BLOCK, b"\0"))


SCREEN = _base() + _cta()


def xrandr(*edids: bytes) -> str:
    """What ``xrandr --prop`` prints."""
    lines = ["Screen 0: minimum 320 x 200, current 1920 x 1080, maximum 16384 x 16384"]
    for number, edid in enumerate(edids):
        lines += [f"DP-{number} connected primary 1920x1080+0+0 (normal left inverted) 600mm x 340mm", "\tEDID: "]
        lines += [f"\t\t{edid[at : at + 16].hex()}" for at in range(0, len(edid), 16)]
        lines += ["\tmax bpc: 8 ", "\t\trange: (6, 16)", "   1920x1080     60.00*+  50.00"]
    return "\n".join(lines) + "\n"
