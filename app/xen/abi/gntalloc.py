"""``include/uapi/xen/gntalloc.h`` with the kernel's names: pages of this domain that another one may map."""

import ctypes

from app.xen.abi.ioc import ioc_none

GNTALLOC_FLAG_WRITABLE = 1


class ioctl_gntalloc_alloc_gref(ctypes.Structure):
    """Out: ``index``, the offset for mmap, and ``gref_ids``, one reference per page."""

    _fields_ = (
        ("domid", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
        ("count", ctypes.c_uint32),
        ("index", ctypes.c_uint64),
        ("gref_ids", ctypes.c_uint32 * 1),
    )


class ioctl_gntalloc_dealloc_gref(ctypes.Structure):
    _fields_ = (("index", ctypes.c_uint64), ("count", ctypes.c_uint32))


IOCTL_GNTALLOC_ALLOC_GREF = ioc_none("G", 5, ctypes.sizeof(ioctl_gntalloc_alloc_gref))
IOCTL_GNTALLOC_DEALLOC_GREF = ioc_none("G", 6, ctypes.sizeof(ioctl_gntalloc_dealloc_gref))
