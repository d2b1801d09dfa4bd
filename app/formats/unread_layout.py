"""Why the CPU cannot read a layout: compressed pixels, or a tiling that this program does not know.

Source: ``include/uapi/drm/drm_fourcc.h``: the comments on each modifier say which plane holds what.
"""

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat
from app.formats.modifier import modifier_name, tile_of
from app.formats.modifiers.description import Layout
from app.formats.modifiers.vendors import describe

_PAYLOAD = (1 << 56) - 1
# DRM_FORMAT_MOD_VENDOR_*.
_INTEL, _AMD, _NVIDIA, _QCOM = 0x01, 0x02, 0x03, 0x05
_VIVANTE, _ARM, _AMLOGIC = 0x06, 0x08, 0x0A

_CCS_IN_PLANE_1 = "CCS; its control surface, the aux data, is plane 1"
_CCS_IN_PLANE_1_CLEAR_2 = "CCS; its control surface, the aux data, is plane 1, the clear colour plane 2"
_CCS_FLAT = "CCS; the aux data is in the GPU's own memory and in no plane"
_CCS_MEDIA = "CCS of the media engine; the aux data is plane 1, or planes 2 and 3 of a format with two planes"
_INTEL_COMPRESSED = {
    4: _CCS_IN_PLANE_1,
    5: _CCS_IN_PLANE_1,
    6: _CCS_IN_PLANE_1,
    7: _CCS_MEDIA,
    8: _CCS_IN_PLANE_1_CLEAR_2,
    10: _CCS_FLAT,
    11: _CCS_FLAT,
    12: f"{_CCS_FLAT}; the clear colour is plane 1",
    13: _CCS_IN_PLANE_1,
    14: _CCS_MEDIA,
    15: _CCS_IN_PLANE_1_CLEAR_2,
    16: _CCS_FLAT,
    17: _CCS_FLAT,
}

# AMD_FMT_MOD_*: bits 0 to 7 are the version, bit 13 is DCC, bit 14 DCC_RETILE. Version 5 is GFX12.
_AMD_DCC, _AMD_RETILE, _AMD_VERSION, _AMD_GFX12 = 1 << 13, 1 << 14, 0xFF, 5
# DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D: bit 4 is set, bits 23 to 25 are the compression.
_NVIDIA_BLOCK_LINEAR, _NVIDIA_COMPRESSION = 1 << 4, 7 << 23


def why_unread(modifier: int, pixels: PixelFormat) -> str | None:
    """One sentence for a user: why :mod:`app.formats.tiling` does not know the layout; None if it does."""
    if modifier == drm.DRM_FORMAT_MOD_LINEAR or tile_of(modifier, pixels.bytes_per_pixel) is not None:
        return None
    name = modifier_name(modifier)
    compression = compression_of(modifier)
    if compression is not None:
        return f"{name} is compressed ({compression}): only a GPU that knows it makes a picture of it"
    if modifier == drm.DRM_FORMAT_MOD_INVALID:
        return "the modifier is INVALID: the driver keeps the layout to itself"
    if modifier == drm.I915_FORMAT_MOD_Yf_TILED:
        return f"{name} is not known with {pixels.bytes_per_pixel} bytes a pixel"
    return f"{name} is a layout that mdevview cannot undo: only a GPU that knows it makes a picture of it"


def compression_of(modifier: int) -> str | None:
    """The compression of a layout, and where its aux data is; None for layouts that are not known to be compressed."""
    vendor, payload = modifier >> 56, modifier & _PAYLOAD
    if vendor == _INTEL:
        return _INTEL_COMPRESSED.get(payload)
    if vendor == _AMD and payload & _AMD_DCC:
        if payload & _AMD_VERSION >= _AMD_GFX12:
            return "DCC; the aux data is in the GPU's own memory and in no plane"
        if payload & _AMD_RETILE:
            return "DCC; the aux data for the display is plane 1, that for the GPU plane 2"
        return "DCC; the aux data is plane 1"
    if vendor == _NVIDIA and payload & _NVIDIA_BLOCK_LINEAR and payload & _NVIDIA_COMPRESSION:
        return "the aux data is in the GPU's own memory and in no plane"
    if vendor == _ARM and payload >> 52 in (0, 2):
        return "AFRC" if payload >> 52 else "AFBC; the header, the aux data, comes before the pixels in plane 0"
    if vendor == _QCOM and payload == 1:
        return "UBWC; the aux data comes before the pixels in plane 0"
    if vendor == _VIVANTE and payload >> 52:
        return "DEC400; its tile status, the aux data, is plane 1"
    if vendor == _AMLOGIC:
        return "FBC; the header, the aux data, is in the same plane"
    description = describe(modifier)
    return description.meaning if description.layout is Layout.COMPRESSED else None
