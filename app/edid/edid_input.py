"""Finds EDIDs in a file: the bytes themselves, or hexadecimal digits among other text.

Text is what ``xrandr --prop``, ``xxd``, ``hexdump -C``, ``edid-decode`` and logs of X servers print.
"""

import re

from app.edid.block import HEADER
from app.edid.mode import BLOCK

LONGEST_INPUT = 1 << 20
"""Bytes. An EDID has at most 32 KiB; the text of several takes less than this."""

_MOST_EDIDS = 64
# A line of a dump: an offset, pairs of digits (with or without blanks), and perhaps the same bytes as characters.
_DUMP = re.compile(r"\s*[0-9a-f]{4,8}:?[ \t]+((?:[0-9a-f]{2}[ \t]*){1,32}?)(?:[ \t]{2,}.*|[ \t]*\|.*)?", re.IGNORECASE)
_LONGEST_DUMP_LINE = 256
_BETWEEN_DIGITS = re.compile(r"0x|[,;:]")
_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})+")


def find_edids(data: bytes) -> list[bytes]:
    """The EDIDs in a file, each with all bytes that follow its header. Raises ValueError if there is none."""
    if not data:
        raise ValueError("it is empty: an EDID in sysfs is empty while no screen is connected")
    if len(data) > LONGEST_INPUT:
        raise ValueError(f"it has more than {LONGEST_INPUT} bytes, too many for an EDID")
    if data.startswith(HEADER):
        return [data]
    found = [run for run in _runs(data.decode("latin-1")) if run.startswith(HEADER)]
    if found:
        return found[:_MOST_EDIDS]
    if len(data) % BLOCK == 0 and HEADER[1:7] == data[1:7]:
        raise ValueError("it is no EDID: the first or the last byte of the header is wrong")
    raise ValueError("it is no EDID: it neither begins with the header 00ffffffffffff00 nor has it as text")


def _runs(text: str) -> list[bytes]:
    """The bytes of successive lines with digits, each run from its first header on."""
    runs, current = [], ""
    for line in text.splitlines():
        # edid-decode has an empty line between blocks.
        if not line or line.isspace():
            continue
        digits = _line_digits(line)
        # A header starts another EDID: the digits of two may follow each other.
        if digits is None or digits.startswith(HEADER.hex()):
            runs.append(current)
            current = ""
        current += digits or ""
    runs.append(current)
    return [bytes.fromhex(run[run.find(HEADER.hex()) :]) for run in runs if HEADER.hex() in run]


def _line_digits(line: str) -> str | None:
    """The digits of a line, an even number; None for a line without."""
    dump = _DUMP.fullmatch(line) if len(line) <= _LONGEST_DUMP_LINE else None
    if dump is not None:
        return "".join(dump.group(1).split()).lower()
    # Else the words at the end that are digits: a log has a time and a driver before them.
    words: list[str] = []
    for word in reversed(line.lower().split()):
        digits = _BETWEEN_DIGITS.sub("", word)
        if not _HEXADECIMAL.fullmatch(digits):
            break
        words.append(digits)
    return "".join(reversed(words)) or None
