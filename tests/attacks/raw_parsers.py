"""The parsers of raw bytes: the text of --as, and the document beside a raw file. See :mod:`tests.attacks.parsers`."""

import os
from contextlib import suppress

from app.formats.reading import NOTHING, parse_parts, read_as
from app.planes.raw_file import parse_raw_document

READINGS = (b"XR24:X:1920x1080:7680", b"XRGB8888::64x64", b":INTEL_Y_TILED_CCS", b"C8:0x0:1x1")
RAW_DOCUMENTS = (
    b'{"version": 1, "kind": "raw", "fourcc": "XR24", "modifier": 0, "width": 64, "height": 64, "stride": 256, '
    b'"offset": 0, "y_inverted": false, "plane": "cursor"}',
    b'{"version": 1, "kind": "raw", "fourcc": "0x00000001", "modifier": 72057594037927937, "width": 4294967295, '
    b'"height": 0, "stride": 0, "offset": 18446744073709551615}',
)


def check_reading(data: bytes) -> None:
    """The text of --as."""
    try:
        parts = parse_parts(os.fsdecode(data))
    except ValueError as error:
        assert len(str(error)) < 400 and str(error).isprintable()
        return
    with suppress(ValueError):
        reading = read_as(parts, NOTHING)
        assert 0 < reading.size < 1 << 33
        assert read_as(parse_parts(str(reading)), NOTHING) == reading


def check_raw_document(data: bytes) -> None:
    """The document beside a raw file, which somebody else sent."""
    try:
        facts = parse_raw_document(data)
    except ValueError as error:
        assert len(str(error)) < 200 and str(error).isprintable()
        return
    with suppress(ValueError):
        assert read_as(NOTHING, facts.parts, facts.offset).size < 1 << 33
