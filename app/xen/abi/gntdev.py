"""``include/uapi/xen/gntdev.h`` with the kernel's names.

``refs`` is declared with one element as in the header, which the request numbers count; a buffer with N references is
longer by N - 1 elements.
"""

import ctypes

from app.xen.abi.ioc import ioc_none


class ioctl_gntdev_grant_ref(ctypes.Structure):
    _fields_ = (("domid", ctypes.c_uint32), ("ref", ctypes.c_uint32))


class ioctl_gntdev_map_grant_ref(ctypes.Structure):
    """Out: ``index``, the offset for mmap."""

    _fields_ = (
        ("count", ctypes.c_uint32),
        ("pad", ctypes.c_uint32),
        ("index", ctypes.c_uint64),
        ("refs", ioctl_gntdev_grant_ref * 1),
    )


class ioctl_gntdev_unmap_grant_ref(ctypes.Structure):
    _fields_ = (("index", ctypes.c_uint64), ("count", ctypes.c_uint32), ("pad", ctypes.c_uint32))


class ioctl_gntdev_dmabuf_exp_from_refs(ctypes.Structure):
    """Out: ``fd``."""

    _fields_ = (
        ("flags", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("fd", ctypes.c_uint32),
        ("domid", ctypes.c_uint32),
        ("refs", ctypes.c_uint32 * 1),
    )


class ioctl_gntdev_dmabuf_exp_wait_released(ctypes.Structure):
    """ETIMEDOUT: the buffer is still used. ENOENT: it is gone, which is no error."""

    _fields_ = (("fd", ctypes.c_uint32), ("wait_to_ms", ctypes.c_uint32))


class ioctl_gntdev_dmabuf_imp_to_refs(ctypes.Structure):
    """Out: ``refs``."""

    _fields_ = (
        ("fd", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("domid", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("refs", ctypes.c_uint32 * 1),
    )


class ioctl_gntdev_dmabuf_imp_release(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_uint32), ("reserved", ctypes.c_uint32))


GNTDEV_DMA_FLAG_WC = 1 << 0
GNTDEV_DMA_FLAG_COHERENT = 1 << 1

IOCTL_GNTDEV_MAP_GRANT_REF = ioc_none("G", 0, ctypes.sizeof(ioctl_gntdev_map_grant_ref))
IOCTL_GNTDEV_UNMAP_GRANT_REF = ioc_none("G", 1, ctypes.sizeof(ioctl_gntdev_unmap_grant_ref))
IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS = ioc_none("G", 9, ctypes.sizeof(ioctl_gntdev_dmabuf_exp_from_refs))
IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED = ioc_none("G", 10, ctypes.sizeof(ioctl_gntdev_dmabuf_exp_wait_released))
IOCTL_GNTDEV_DMABUF_IMP_TO_REFS = ioc_none("G", 11, ctypes.sizeof(ioctl_gntdev_dmabuf_imp_to_refs))
IOCTL_GNTDEV_DMABUF_IMP_RELEASE = ioc_none("G", 12, ctypes.sizeof(ioctl_gntdev_dmabuf_imp_release))
