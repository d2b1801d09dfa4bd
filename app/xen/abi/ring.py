"""``include/xen/interface/io/ring.h``: the head of a page with requests and their responses. Indices wrap at 2**32.

The front end makes ``req_event`` and ``rsp_event`` 1 and the other two 0 (SHARED_RING_INIT).
"""

import ctypes

from app.xen.abi.page import XEN_PAGE_SIZE


class sring(ctypes.Structure):
    """``struct NAME_sring`` without its slots, which follow it."""

    _fields_ = (
        ("req_prod", ctypes.c_uint32),
        ("req_event", ctypes.c_uint32),
        ("rsp_prod", ctypes.c_uint32),
        ("rsp_event", ctypes.c_uint32),
        ("pad", ctypes.c_uint8 * 48),
    )


def ring_size(slot_size: int) -> int:
    """The number of slots of one page: as many as fit, rounded down to a power of two (``__CONST_RING_SIZE``)."""
    return 1 << ((XEN_PAGE_SIZE - ctypes.sizeof(sring)) // slot_size).bit_length() - 1
