"""What ``mdevview decode`` reads, with what must hold for any input: rows for the table of parsers."""

import json
import os
from collections.abc import Callable
from contextlib import suppress

from app.edid.block import checksummed
from app.edid.edid_document import edid_document
from app.edid.edid_input import find_edids
from app.edid.edid_text import edid_lines
from app.edid.make import make_edid
from app.edid.mode import BLOCK, Mode
from app.formats.format_document import format_document, format_lines
from app.formats.format_text import parse_format
from app.formats.modifier_document import modifier_document, modifier_lines
from app.formats.modifier_text import parse_modifier


def _assert_lines(lines: list[str], longest: int) -> None:
    assert lines
    for each in lines:
        assert each.isprintable() and len(each) <= longest, ascii(each)


def _edid_file(data: bytes) -> None:
    """The bytes of an EDID, also with right checksums, and its digits."""
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    mended = b"".join(checksummed(bytearray(each.ljust(BLOCK, b"\0"))) for each in blocks)
    for whole in (data, mended, data.hex().encode()):
        try:
            found = find_edids(whole)
        except ValueError as error:
            _assert_lines([str(error)], 200)
            continue
        for each in found:
            document = edid_document(each)
            json.dumps(document, allow_nan=False)
            _assert_lines(edid_lines(document), 200)


def _modifier(data: bytes) -> None:
    with suppress(ValueError):
        assert 0 <= parse_modifier(os.fsdecode(data)) < 1 << 64
    _assert_lines(modifier_lines(modifier_document(int.from_bytes(data[:8], "little"))), 600)


def _format(data: bytes) -> None:
    with suppress(ValueError):
        _assert_lines(format_lines(format_document(parse_format(os.fsdecode(data)))), 120)


_EDIDS = (make_edid(Mode(1920, 1080)), make_edid(Mode(5120, 2880, 120)))

DECODERS: tuple[tuple[str, Callable[[bytes], None], tuple[bytes, ...]], ...] = (
    ("EDID file", _edid_file, (*_EDIDS, _EDIDS[0].hex(" ").encode(), b"00000000: 00ff ffff ffff ff00  ........\n")),
    (
        "modifier name",
        _modifier,
        (
            b"I915_FORMAT_MOD_X_TILED",
            b"AMD_GFX9,64KB_S_X,PIPE_XOR_BITS=2,BANK_XOR_BITS=1,DCC,DCC_MAX_COMPRESSED_BLOCK=64B",
            b"BLOCK_LINEAR_2D,HEIGHT=4,KIND=254,GEN=2,SECTOR=1,COMPRESSION=0",
            b"BLOCK_SIZE=16x16,MODE=YTR|SPARSE",
            b"BROADCOM_SAND128,COL_HEIGHT=1088",
            b"0x0200000010401b04",
        ),
    ),
    ("format name", _format, (b"XR24_BE", b"DRM_FORMAT_XRGB8888", b"0xb4325258", b"YUV420_10BIT", b"875713112")),
)
"""Name, check, seeds."""
