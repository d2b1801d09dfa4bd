"""Records become the starts and ends of ioctls."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracing.ioctl_events import IoctlDecoder, IoctlEnd, IoctlStart
from app.tracing.ring_page import RawRecord
from tests.unit.app.tracing import pages

DECODER = IoctlDecoder(pages.START_FORMAT, pages.END_FORMAT)


def test_a_start_and_its_end() -> None:
    assert DECODER.decode(RawRecord(7, pages.start(42, 14, 0x3B72))) == IoctlStart(7, 42, 14, 0x3B72)
    assert DECODER.decode(RawRecord(9, pages.end(42, -22))) == IoctlEnd(9, 42, -22)


def test_another_event_is_none() -> None:
    assert DECODER.decode(RawRecord(7, bytes(40))) is None


def test_a_short_record_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        DECODER.decode(RawRecord(7, pages.start(42, 14, 0x3B72)[:20]))


@given(st.binary(max_size=64))
def test_any_record_is_decoded_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        DECODER.decode(RawRecord(1, data))
