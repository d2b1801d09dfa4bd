"""Numbers and structs of drm/drm.h and drm/drm_mode.h, as the kernel headers compile them on x86-64."""

import ctypes

from app.abi import drm


def test_request_numbers_and_structs_are_the_kernels() -> None:
    assert drm.DRM_IOCTL_DROP_MASTER == 0x641F
    assert drm.DRM_IOCTL_PRIME_HANDLE_TO_FD == 0xC00C642D
    assert drm.DRM_IOCTL_MODE_CREATE_DUMB == 0xC02064B2
    assert (drm.DRM_CLOEXEC, drm.DRM_RDWR) == (0o2000000, 0o2)
    assert ctypes.sizeof(drm.drm_mode_create_dumb) == 32
    assert ctypes.sizeof(drm.drm_prime_handle) == 12
