"""The layout of xen's shared rings."""

import ctypes

from app.xen.abi.ring import ring_size, sring


def test_the_slots_begin_after_64_bytes() -> None:
    assert ctypes.sizeof(sring) == 64
    assert (sring.req_prod.offset, sring.req_event.offset, sring.rsp_prod.offset, sring.rsp_event.offset) == (
        0,
        4,
        8,
        12,
    )


def test_a_page_holds_a_power_of_two_of_slots() -> None:
    assert ring_size(64) == 32
    assert ring_size(63) == 64
    assert ring_size(4032) == 1
