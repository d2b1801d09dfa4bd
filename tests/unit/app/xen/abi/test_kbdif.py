"""The layout of kbdif.h: the offsets that its comments draw."""

import ctypes

from app.xen.abi import kbdif


def test_an_event_has_40_bytes_and_the_page_holds_51_of_them() -> None:
    assert ctypes.sizeof(kbdif.xenkbd_in_event) == kbdif.XENKBD_IN_EVENT_SIZE == 40
    assert kbdif.XENKBD_IN_RING_LEN == 51
    assert kbdif.XENKBD_OUT_RING_OFFS == 3072


def test_events_have_their_values_where_the_header_draws_them() -> None:
    assert kbdif.xenkbd_key.pressed.offset == 1
    assert kbdif.xenkbd_key.keycode.offset == 4
    assert (kbdif.xenkbd_position.abs_x.offset, kbdif.xenkbd_position.rel_z.offset) == (4, 12)
    assert (kbdif.xenkbd_motion.rel_x.offset, kbdif.xenkbd_motion.rel_z.offset) == (4, 12)
    assert kbdif.xenkbd_mtouch.contact_id.offset == 2
    assert kbdif.xenkbd_mtouch.u.offset == 8
