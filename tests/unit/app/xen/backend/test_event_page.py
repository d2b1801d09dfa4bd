"""The event page against the loop of Linux's front end."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from app.xen.abi.displif import xendispl_evt
from app.xen.backend.event_page import EventPage


class _Front:
    """evtchnl_interrupt_evt() of xen_drm_front_evtchnl.c: an event with a wrong number is skipped."""

    def __init__(self) -> None:
        self.page = bytearray(4096)
        self.number = 0

    def events(self) -> list[int]:
        got = []
        cons, prod = struct.unpack_from("<2I", self.page)
        while cons != prod:
            event = xendispl_evt.from_buffer_copy(self.page, 64 + cons % 63 * 64)
            if event.id == self.number & 0xFFFF:
                got.append(event.op.pg_flip.fb_cookie)
            self.number += 1
            cons += 1
        struct.pack_into("<I", self.page, 0, cons)
        return got


@given(st.lists(st.lists(st.integers(1, 2**64 - 1), max_size=63), max_size=10))
def test_each_flip_is_told_once_in_order(turns: list[list[int]]) -> None:
    front = _Front()
    page = EventPage(memoryview(front.page))
    for cookies in turns:
        for each in cookies:
            page.flip_done(each)
        assert front.events() == cookies


def test_numbers_go_on_after_65536_events() -> None:
    front = _Front()
    page = EventPage(memoryview(front.page))
    for cookie in range(1, 0x10010):
        page.flip_done(cookie)
        assert front.events() == [cookie]


@given(st.binary(min_size=8, max_size=8))
def test_what_the_guest_writes_into_the_page_changes_nothing_here(pattern: bytes) -> None:
    memory = bytearray(4096)
    page = EventPage(memoryview(memory))
    page.flip_done(1)
    memory[:] = pattern * 512
    page.flip_done(2)
    assert struct.unpack_from("<I", memory, 4) == (2,)
    assert xendispl_evt.from_buffer_copy(memory, 128).op.pg_flip.fb_cookie == 2
    page.release()
    memory.clear()
