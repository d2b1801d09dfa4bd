"""Pixman's format codes in a guest's terms (pixman.h, PIXMAN_FORMAT).

A code has the bits of a pixel, the order of its channels, and the bits of each channel. Pixman's names and DRM's have
the same order: from the most significant bits of the pixel word. Source of the codes: pixman.h of pixman 0.44.
"""

from app.abi import drm_fourcc as drm

_FOURCCS = {
    0x2002_0888: drm.DRM_FORMAT_XRGB8888,
    0x2002_8888: drm.DRM_FORMAT_ARGB8888,
    0x2003_0888: drm.DRM_FORMAT_XBGR8888,
    0x2003_8888: drm.DRM_FORMAT_ABGR8888,
    0x2008_0888: drm.DRM_FORMAT_BGRX8888,
    0x2008_8888: drm.DRM_FORMAT_BGRA8888,
    0x2009_0888: drm.DRM_FORMAT_RGBX8888,
    0x2009_8888: drm.DRM_FORMAT_RGBA8888,
    0x2002_0AAA: drm.DRM_FORMAT_XRGB2101010,
    0x2002_2AAA: drm.DRM_FORMAT_ARGB2101010,
    0x2003_0AAA: drm.DRM_FORMAT_XBGR2101010,
    0x2003_2AAA: drm.DRM_FORMAT_ABGR2101010,
    0x1802_0888: drm.DRM_FORMAT_RGB888,
    0x1803_0888: drm.DRM_FORMAT_BGR888,
    0x1002_0565: drm.DRM_FORMAT_RGB565,
    0x1003_0565: drm.DRM_FORMAT_BGR565,
    0x1002_0555: drm.DRM_FORMAT_XRGB1555,
    0x1002_1555: drm.DRM_FORMAT_ARGB1555,
}


def pixman_fourcc(code: int) -> int | None:
    """The DRM fourcc of a pixman format code on a little-endian host; None for a format that this program lacks."""
    return _FOURCCS.get(code)
