"""Why the CPU cannot read a layout: compressed pixels, or a tiling that this program does not know."""

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat
from app.formats.modifier import modifier_name, tile_of
from app.formats.modifiers.description import Layout
from app.formats.modifiers.vendors import describe


def why_unread(modifier: int, pixels: PixelFormat) -> str | None:
    """One sentence for a user: why :mod:`app.formats.tiling` does not know the layout; None if it does."""
    if modifier == drm.DRM_FORMAT_MOD_LINEAR or tile_of(modifier, pixels.bytes_per_pixel) is not None:
        return None
    name = modifier_name(modifier)
    description = describe(modifier)
    if description.layout is Layout.COMPRESSED:
        return f"{name} is compressed: {description.meaning}; only a GPU that knows it makes a picture of it"
    if modifier == drm.DRM_FORMAT_MOD_INVALID:
        return "the modifier is INVALID: the driver keeps the layout to itself"
    if modifier == drm.I915_FORMAT_MOD_Yf_TILED:
        return f"{name} is not known with {pixels.bytes_per_pixel} bytes a pixel"
    return f"{name} is a layout that mdevview cannot undo: only a GPU that knows it makes a picture of it"
