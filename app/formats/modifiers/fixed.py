"""Vendors whose modifiers are a few fixed values: Intel, Samsung, Qualcomm, Allwinner, Apple, and no vendor.

Source: ``include/uapi/drm/drm_fourcc.h``. Names: libdrm's ``gen_table_fourcc.py``, which takes them from the macros.
"""

from app.formats.modifiers.description import UNKNOWN_VALUE, VALUE_BITS, Description, Field, Layout

_TILED = Layout.TILED
_COMPRESSED = Layout.COMPRESSED

# The place of the auxiliary surface of Intel's compressed layouts.
_CCS_PLANE = "plane 1 is the linear compression control surface (CCS)"
_CCS_MEDIA = (
    "the linear compression control surfaces (CCS) are planes 2 and 3 for formats with two planes, else plane 1"
)
_CCS_STOLEN = "the compression data lies in memory outside of the buffer, which only the device reaches"
_CLEAR_2 = "plane 2 holds the clear colour"
_CLEAR_1 = "plane 1 holds the clear colour"

_Entry = tuple[str, Layout, str]

_NONE: dict[int, _Entry] = {
    0: ("LINEAR", Layout.LINEAR, "rows of pixels one after the other, each stride bytes long"),
    (1 << VALUE_BITS) - 1: (
        "INVALID",
        Layout.NONE,
        "no modifier: the layout is what the driver knows of the buffer, which another process cannot learn",
    ),
}

_INTEL: dict[int, _Entry] = {
    1: ("X_TILED", _TILED, "tiles of 4 KiB, 512 bytes by 8 rows, row after row inside the tile"),
    2: ("Y_TILED", _TILED, "tiles of 4 KiB, 128 bytes by 32 rows, in columns of 16 bytes inside the tile"),
    3: (
        "Yf_TILED",
        _TILED,
        "tiles of 4 KiB, about square in pixels, made of blocks of 256 and 64 bytes (Skylake to Ice Lake)",
    ),
    4: ("Y_TILED_CCS", _COMPRESSED, f"Y tiles with render compression (Skylake to Ice Lake); {_CCS_PLANE}"),
    5: ("Yf_TILED_CCS", _COMPRESSED, f"Yf tiles with render compression (Skylake to Ice Lake); {_CCS_PLANE}"),
    6: ("Y_TILED_GEN12_RC_CCS", _COMPRESSED, f"Y tiles with render compression (Tiger Lake); {_CCS_PLANE}"),
    7: ("Y_TILED_GEN12_MC_CCS", _COMPRESSED, f"Y tiles with media compression (Tiger Lake); {_CCS_MEDIA}"),
    8: (
        "Y_TILED_GEN12_RC_CCS_CC",
        _COMPRESSED,
        f"Y tiles with render compression and a clear colour (Tiger Lake); {_CCS_PLANE}, {_CLEAR_2}",
    ),
    9: ("4_TILED", _TILED, "tiles of 4 KiB, 128 bytes by 32 rows, made of blocks of 64 bytes by 8 rows"),
    10: ("4_TILED_DG2_RC_CCS", _COMPRESSED, f"4 tiles with render compression (DG2); {_CCS_STOLEN}"),
    11: ("4_TILED_DG2_MC_CCS", _COMPRESSED, f"4 tiles with media compression (DG2); {_CCS_STOLEN}"),
    12: (
        "4_TILED_DG2_RC_CCS_CC",
        _COMPRESSED,
        f"4 tiles with render compression and a clear colour (DG2); {_CCS_STOLEN}, {_CLEAR_1}",
    ),
    13: ("4_TILED_MTL_RC_CCS", _COMPRESSED, f"4 tiles with render compression (Meteor Lake); {_CCS_PLANE}"),
    14: ("4_TILED_MTL_MC_CCS", _COMPRESSED, f"4 tiles with media compression (Meteor Lake); {_CCS_MEDIA}"),
    15: (
        "4_TILED_MTL_RC_CCS_CC",
        _COMPRESSED,
        f"4 tiles with render compression and a clear colour (Meteor Lake); {_CCS_PLANE}, {_CLEAR_2}",
    ),
    16: ("4_TILED_LNL_CCS", _COMPRESSED, f"4 tiles with unified compression (Lunar Lake); {_CCS_STOLEN}"),
    17: (
        "4_TILED_BMG_CCS",
        _COMPRESSED,
        f"4 tiles with unified compression (Battlemage), in one piece of memory of whole 64 KiB; {_CCS_STOLEN}",
    ),
}

_SAMSUNG: dict[int, _Entry] = {
    1: ("64_32_TILE", _TILED, "macroblocks of 64 by 32 pixels in a Z order (NV12MT)"),
    2: ("16_16_TILE", _TILED, "tiles of 16 by 16 pixels, row after row"),
}

_QCOM: dict[int, _Entry] = {
    1: ("COMPRESSED", _COMPRESSED, "macrotiles of mostly 4 by 4 tiles, compressed (UBWC); details depend on the chip"),
    2: ("TILED2", _TILED, "alternate tiles, typically used only inside GMEM; details depend on the chip"),
    3: ("TILED3", _TILED, "macrotiles of mostly 4 by 4 tiles, not compressed; details depend on the chip"),
}

_ALLWINNER: dict[int, _Entry] = {
    1: ("TILED", _TILED, "tiles of 32 by 32 luma samples and of 32 by 64 chroma samples, row after row"),
}

_APPLE: dict[int, _Entry] = {
    1: ("GPU_TILED", _TILED, "tiles of 16 KiB, row after row, with the pixels of a tile in Morton order"),
    2: (
        "GPU_TILED_COMPRESSED",
        _COMPRESSED,
        "tiles of 16 KiB with the pixels in Morton order, compressed; the metadata follows in the same plane",
    ),
}


def describe_none(value: int) -> Description:
    return _describe(_NONE, "DRM_FORMAT_MOD_", value)


def describe_intel(value: int) -> Description:
    return _describe(_INTEL, "I915_FORMAT_MOD_", value)


def describe_samsung(value: int) -> Description:
    return _describe(_SAMSUNG, "DRM_FORMAT_MOD_SAMSUNG_", value)


def describe_qcom(value: int) -> Description:
    return _describe(_QCOM, "DRM_FORMAT_MOD_QCOM_", value)


def describe_allwinner(value: int) -> Description:
    return _describe(_ALLWINNER, "DRM_FORMAT_MOD_ALLWINNER_", value)


def describe_apple(value: int) -> Description:
    # Neither libdrm nor drm_info has these.
    return _describe(_APPLE, "DRM_FORMAT_MOD_APPLE_", value, drm_info=False)


VALUES = {
    "NONE": tuple(_NONE),
    "INTEL": tuple(_INTEL),
    "SAMSUNG": tuple(_SAMSUNG),
    "QCOM": tuple(_QCOM),
    "ALLWINNER": tuple(_ALLWINNER),
    "APPLE": tuple(_APPLE),
}
"""Every defined value, by vendor."""


def _describe(table: dict[int, _Entry], prefix: str, value: int, drm_info: bool = True) -> Description:
    entry = table.get(value)
    if entry is None:
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, reserved=value)
    name, layout, meaning = entry
    field = Field("value", 0, VALUE_BITS, value, name)
    macro = prefix + name
    return Description(name, layout, meaning, (field,), macro=macro, drm_info=macro if drm_info else None)
