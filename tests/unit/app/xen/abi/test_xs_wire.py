"""Numbers of xs_wire.h."""

import ctypes
import errno

from app.xen.abi import xs_wire


def test_a_message_begins_with_four_words() -> None:
    message = xs_wire.xsd_sockmsg(type=xs_wire.XS_WRITE, req_id=7, tx_id=3, len=9)
    assert ctypes.sizeof(message) == 16
    assert bytes(message) == bytes((11, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0))


def test_each_error_text_is_a_name_of_errno() -> None:
    assert all(hasattr(errno, name) for name in xs_wire.XSD_ERRORS)
