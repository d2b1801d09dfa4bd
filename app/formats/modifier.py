"""Modifiers: their names, and the tile size of uncompressed Intel tilings.

Sources: ``include/uapi/drm/drm_fourcc.h``; for tile sizes the Intel PRMs, volume "Memory Data Formats".
"""

from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.formats import libdrm
from app.formats.modifiers.vendors import describe, vendor_name


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of 4 KiB: ``width_bytes`` bytes by ``height`` rows. Tiles are in row-major order."""

    width_bytes: int
    height: int


_TILES = {
    drm.I915_FORMAT_MOD_X_TILED: Tile(512, 8),
    drm.I915_FORMAT_MOD_Y_TILED: Tile(128, 32),
    drm.I915_FORMAT_MOD_4_TILED: Tile(128, 32),
}

# The size of a Yf tile depends on the bytes per pixel, because tiles are about square in pixels (Skylake PRM).
_YF_TILES = {1: Tile(64, 64), 2: Tile(128, 32), 4: Tile(128, 32), 8: Tile(256, 16)}


def tile_of(modifier: int, bytes_per_pixel: int) -> Tile | None:
    """The tile of a tiling that this program can read; None for linear and for all other layouts."""
    if modifier == drm.I915_FORMAT_MOD_Yf_TILED:
        return _YF_TILES.get(bytes_per_pixel)
    return _TILES.get(modifier)


def modifier_name(modifier: int) -> str:
    """A name such as "LINEAR" or "INTEL_X_TILED"; vendor and value in hexadecimal if it has none.

    The names are libdrm's with the vendor before them, on every host: this program has its own table. An installed
    libdrm is asked only for what the table lacks, because it may be newer.
    """
    vendor, name = vendor_name(modifier), describe(modifier).name
    if name is None:
        vendor = vendor or libdrm.modifier_vendor(modifier)
        name = libdrm.modifier_name(modifier)
    if name:
        return name if vendor in (None, "NONE") else f"{vendor}_{name}"
    if vendor not in (None, "NONE"):
        return f"{vendor}_0x{modifier & 0x00FF_FFFF_FFFF_FFFF:014x}"
    return f"0x{modifier:016x}"
