"""``include/uapi/linux/udmabuf.h`` with the kernel's names."""

import ctypes

from app.abi.ioctl import iow

UDMABUF_FLAGS_CLOEXEC = 1


class udmabuf_create(ctypes.Structure):
    _fields_ = (
        ("memfd", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
    )


UDMABUF_CREATE = iow(ord("u"), 0x42, ctypes.sizeof(udmabuf_create))
