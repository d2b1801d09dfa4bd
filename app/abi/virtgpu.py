"""``include/uapi/drm/virtgpu_drm.h`` with the kernel's names."""

import ctypes

from app.abi.drm import DRM_COMMAND_BASE, DRM_IOCTL_BASE
from app.abi.ioctl import iowr

DRM_VIRTGPU_GETPARAM = 0x03

VIRTGPU_PARAM_CROSS_DEVICE = 5


class drm_virtgpu_getparam(ctypes.Structure):
    """``value`` is the address of an int, to which the kernel writes the value."""

    _fields_ = (("param", ctypes.c_uint64), ("value", ctypes.c_uint64))


DRM_IOCTL_VIRTGPU_GETPARAM = iowr(
    DRM_IOCTL_BASE, DRM_COMMAND_BASE + DRM_VIRTGPU_GETPARAM, ctypes.sizeof(drm_virtgpu_getparam)
)
