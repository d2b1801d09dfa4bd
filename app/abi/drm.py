"""``include/uapi/drm/drm.h`` and ``drm_mode.h`` with the kernel's names: dumb buffers and their dma-bufs."""

import ctypes
import os

from app.abi.ioctl import io, iowr

DRM_IOCTL_BASE = ord("d")
DRM_COMMAND_BASE = 0x40
"""The first number of a driver's own ioctls."""

DRM_CLOEXEC = os.O_CLOEXEC
DRM_RDWR = os.O_RDWR


class drm_mode_create_dumb(ctypes.Structure):
    """The kernel writes ``handle``, ``pitch`` (bytes of a row) and ``size`` (bytes)."""

    _fields_ = (
        ("height", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("bpp", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("handle", ctypes.c_uint32),
        ("pitch", ctypes.c_uint32),
        ("size", ctypes.c_uint64),
    )


class drm_prime_handle(ctypes.Structure):
    _fields_ = (("handle", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("fd", ctypes.c_int32))


DRM_IOCTL_DROP_MASTER = io(DRM_IOCTL_BASE, 0x1F)
DRM_IOCTL_PRIME_HANDLE_TO_FD = iowr(DRM_IOCTL_BASE, 0x2D, ctypes.sizeof(drm_prime_handle))
DRM_IOCTL_MODE_CREATE_DUMB = iowr(DRM_IOCTL_BASE, 0xB2, ctypes.sizeof(drm_mode_create_dumb))
