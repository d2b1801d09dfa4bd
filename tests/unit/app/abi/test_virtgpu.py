"""Numbers and structs of drm/virtgpu_drm.h, as the kernel headers compile them on x86-64."""

import ctypes

from app.abi import virtgpu


def test_request_numbers_and_structs_are_the_kernels() -> None:
    assert virtgpu.DRM_IOCTL_VIRTGPU_GETPARAM == 0xC0106443
    assert virtgpu.VIRTGPU_PARAM_CROSS_DEVICE == 5
    assert ctypes.sizeof(virtgpu.drm_virtgpu_getparam) == 16
