"""Pages of the trace buffer: what was written is read, and other bytes are refused."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracing.ring_page import RawRecord, parse_page
from tests.unit.app.tracing import pages

_DELTA = st.integers(0, 1 << 58)
_DATA = st.binary(min_size=1, max_size=160)


@given(st.integers(0, 1 << 59), st.lists(st.tuples(_DELTA, _DATA), max_size=12))
def test_events_have_their_times_and_bytes(time_ns: int, events: list[tuple[int, bytes]]) -> None:
    read = parse_page(pages.page(time_ns, *(pages.event(delta, data) for delta, data in events)))
    expected = []
    for delta, data in events:
        time_ns += delta
        expected.append(RawRecord(time_ns, data + bytes(-len(data) % 4)))
    assert (list(read.records), read.lost) == (expected, 0)


def test_a_filtered_event_is_left_out_and_its_time_counts() -> None:
    read = parse_page(pages.page(100, pages.event(1, b"aaaa"), pages.discarded(2, 40), pages.event(4, b"bbbb")))
    assert read.records == (RawRecord(101, b"aaaa"), RawRecord(107, b"bbbb"))


def test_an_absolute_time_replaces_the_one_of_the_page() -> None:
    stamp = struct.pack("<II", 31 | 5 << 5, 1)
    read = parse_page(pages.page(1 << 59, stamp, pages.event(1, b"aaaa")))
    assert read.records == (RawRecord((1 << 59) + (1 << 27) + 6, b"aaaa"),)


def test_nothing_is_read_after_the_padding_at_the_end() -> None:
    read = parse_page(pages.page(100, pages.event(1, b"aaaa"), struct.pack("<I", 29), pages.event(1, b"bbbb")))
    assert read.records == (RawRecord(101, b"aaaa"),)


@pytest.mark.parametrize("lost", [0, 7, None])
def test_lost_events_are_told(lost: int | None) -> None:
    assert parse_page(pages.page(100, pages.event(1, b"aaaa"), lost=lost)).lost == lost


@given(st.binary(max_size=200), st.integers(0, 4096))
def test_other_bytes_are_refused_or_read_in_bounds(data: bytes, commit: int) -> None:
    with suppress(ValueError):
        read = parse_page(struct.pack("<QQ", 5, commit) + data)
        assert sum(len(each.data) for each in read.records) <= commit


@pytest.mark.parametrize(
    "data", [b"", bytes(15), struct.pack("<QQ", 0, 8), pages.page(0, pages.event(0, b"a" * 200))[:64]]
)
def test_a_page_that_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="page"):
        parse_page(data)
