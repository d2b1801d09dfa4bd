"""Reads a page of the kernel's trace buffer, as ``trace_pipe_raw`` gives it.

The layout is that of ``struct buffer_data_page`` and ``struct ring_buffer_event`` (kernel/trace/ring_buffer.c and
include/linux/ring_buffer.h), which trace-cmd and libtraceevent read as well, so it does not change. It is that of a
64-bit little-endian machine. The text of ``trace_pipe`` has times of microseconds only, and names that other programs
chose; a page has neither.
"""

import struct
from dataclasses import dataclass

HEADER_BYTES = 16
"""``events/header_page``: a timestamp of 8 bytes and a commit word of 8."""

_HEADER = struct.Struct("<QQ")
_WORD = struct.Struct("<I")
# RB_MISSED_EVENTS and RB_MISSED_STORED
_MISSED, _MISSED_STORED = 1 << 31, 1 << 30
# enum ring_buffer_type
_LONGEST_SHORT, _PADDING, _TIME_EXTEND, _TIME_STAMP = 28, 29, 30, 31
# An absolute time has 59 bits; the others are those of the page (TS_MSB in ring_buffer.c).
_ABSOLUTE_BITS = 59


@dataclass(frozen=True, slots=True)
class RawRecord:
    """The bytes of one event, and its time in nanoseconds of the clock of the trace."""

    time_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RingPage:
    """``lost`` is how many events the kernel dropped before these; None: some, it does not tell how many."""

    records: tuple[RawRecord, ...]
    lost: int | None = 0


def parse_page(page: bytes) -> RingPage:
    """Read one page. Raises ValueError for bytes that are none."""
    if len(page) < HEADER_BYTES:
        raise ValueError("the page is shorter than its header")
    time_ns, commit = _HEADER.unpack_from(page)
    committed = commit & ~(_MISSED | _MISSED_STORED) & 0xFFFFFFFF
    end = HEADER_BYTES + committed
    if end > len(page):
        raise ValueError("the page is shorter than it says")
    lost: int | None = 0
    if commit & _MISSED:
        stored = commit & _MISSED_STORED and end + 8 <= len(page)
        lost = int.from_bytes(page[end : end + 8], "little") if stored else None
    return RingPage(tuple(_records(page, time_ns, end)), lost)


def _records(page: bytes, time_ns: int, end: int) -> list[RawRecord]:
    found = []
    at = HEADER_BYTES
    while at + 4 <= end:
        head = _word(page, at, end)
        kind, delta = head & 31, head >> 5
        at += 4
        if kind == _PADDING and not delta:
            # Nothing follows on this page.
            break
        if kind == _TIME_EXTEND:
            time_ns += delta + (_word(page, at, end) << 27)
            at += 4
            continue
        if kind == _TIME_STAMP:
            absolute = delta + (_word(page, at, end) << 27)
            time_ns = time_ns >> _ABSOLUTE_BITS << _ABSOLUTE_BITS | absolute & ((1 << _ABSOLUTE_BITS) - 1)
            at += 4
            continue
        time_ns += delta
        if kind and kind <= _LONGEST_SHORT:
            length = 4 * kind
        else:
            # The length counts its own word too.
            length = _word(page, at, end) - 4
            at += 4
        if length < 0 or at + length > end:
            raise ValueError("an event is longer than its page")
        if kind != _PADDING:
            found.append(RawRecord(time_ns, page[at : at + length]))
        at += (length + 3) & ~3
    return found


def _word(page: bytes, at: int, end: int) -> int:
    if at + 4 > end:
        raise ValueError("an event is cut off")
    return int(_WORD.unpack_from(page, at)[0])
