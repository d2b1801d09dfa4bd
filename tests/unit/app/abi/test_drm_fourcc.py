"""Codes of drm_fourcc.h."""

from app.abi import drm_fourcc


def test_codes_of_formats_and_modifiers_are_the_headers() -> None:
    assert drm_fourcc.DRM_FORMAT_XRGB8888 == 0x34325258
    assert drm_fourcc.DRM_FORMAT_C8 == 0x20203843
    assert drm_fourcc.DRM_FORMAT_MOD_INVALID == 0x00FF_FFFF_FFFF_FFFF
    assert drm_fourcc.I915_FORMAT_MOD_Yf_TILED == 0x0100_0000_0000_0003
