"""Arm's modifiers: two compressions, AFBC (lossless) and AFRC (fixed rate), and interleaved blocks.

Sources: ``include/uapi/drm/drm_fourcc.h`` and ``Documentation/gpu/afbc.rst``; libdrm's ``xf86drm.c``
(drmGetFormatModifierNameFromArm); drm_info's ``modifiers.c`` (print_arm_modifier).
"""

from app.formats.modifiers.description import (
    UNKNOWN_VALUE,
    VALUE_BITS,
    Bits,
    Description,
    Field,
    Layout,
    flag,
    reserved_bits,
)

_TYPE = Bits(
    "type",
    52,
    4,
    {
        0: "AFBC: Arm framebuffer compression, lossless",
        1: "MISC: layouts without compression",
        2: "AFRC: Arm fixed-rate compression",
    },
)
_AFBC, _MISC, _AFRC = range(3)

_BLOCK_SIZES = {1: "16x16", 2: "32x8", 3: "64x4", 4: "32x8_64x4"}
_BLOCK_SIZE = Bits(
    "BLOCK_SIZE",
    0,
    4,
    {
        1: "superblocks of 16 by 16 pixels",
        2: "superblocks of 32 by 8 pixels",
        3: "superblocks of 64 by 4 pixels",
        4: "superblocks of 32 by 8 pixels for luma, of 64 by 4 for chroma",
    },
)
_AFBC_FLAGS = (
    flag("YTR", 4, "the colours were transformed without loss (RGB only)"),
    flag("SPLIT", 5, "the second half of each superblock's payload is at a fixed offset"),
    flag("SPARSE", 6, "each superblock has a fixed place, with room for its uncompressed form"),
    flag("CBR", 7, "copy-blocks do not cross the borders of 8x8 blocks"),
    flag("TILED", 8, "superblocks are grouped in tiles of 8 by 8 (4 by 4 above 32 bits a pixel)"),
    flag("SC", 9, "superblocks of one colour are stored as such"),
    flag("DB", 10, "the layout is safe for rendering into the front buffer"),
    flag("BCH", 11, "hints about each superblock's content are included"),
    flag("USM", 12, "all superblocks are stored uncompressed"),
)

_UNIT_SIZES = {1: "16", 2: "24", 3: "32"}
_UNIT_WORDS = {each: f"coding units of {size} bytes" for each, size in _UNIT_SIZES.items()}
_P0 = Bits("CU_SIZE_P0", 0, 4, _UNIT_WORDS)
_P12 = Bits("CU_SIZE_P12", 4, 4, {0: "no further planes", **_UNIT_WORDS})
_SCAN = flag("LAYOUT_SCAN", 8, "laid out for access by lines (SCAN)", "laid out for rotated access (ROT)")

_INTERLEAVED = {
    1: (
        "16X16_BLOCK_U_INTERLEAVED",
        "blocks of 16 by 16 pixels, with the pixels of a block in a U order (Mali Utgard, Midgard)",
    ),
    2: ("INTERLEAVED_64K", "tiles of 64 KiB with the pixels in a U order (Mali v10 and newer)"),
}


def describe_arm(value: int) -> Description:
    match _TYPE.get(value):
        case 0:
            return _afbc(value)
        case 1:
            return _misc(value)
        case 2:
            return _afrc(value)
    return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, (_TYPE.read(value),), value & ~_TYPE.mask)


def _afbc(value: int) -> Description:
    fields = (_TYPE, _BLOCK_SIZE, *_AFBC_FLAGS)
    reserved = reserved_bits(value, fields)
    read = tuple(each.read(value) for each in fields)
    size = _BLOCK_SIZES.get(_BLOCK_SIZE.get(value))
    if size is None:
        meaning = "AFBC with a superblock size that is not defined"
        return Description(None, Layout.UNKNOWN, meaning, read, reserved)
    flags = [each.name for each in _AFBC_FLAGS if each.get(value)]
    modes = [f"AFBC_FORMAT_MOD_{each}" for each in (f"BLOCK_SIZE_{size}", *flags)]
    return Description(
        # libdrm ends the name with the comma if no mode follows.
        f"BLOCK_SIZE={size}," + (f"MODE={'|'.join(flags)}" if flags else ""),
        Layout.COMPRESSED,
        f"AFBC, {_BLOCK_SIZE.read(value).meaning}" + (", stored uncompressed" if "USM" in flags else ""),
        read,
        reserved,
        macro=None if reserved else f"DRM_FORMAT_MOD_ARM_AFBC({' | '.join(modes)})",
        drm_info=f"ARM_AFBC({', '.join((f'BLOCK_SIZE = {size}', *flags))})",
    )


def _afrc(value: int) -> Description:
    fields = (_TYPE, _P0, _P12, _SCAN)
    reserved = reserved_bits(value, fields)
    read = tuple(each.read(value) for each in fields)
    first, others = _UNIT_SIZES.get(_P0.get(value)), _UNIT_SIZES.get(_P12.get(value))
    if first is None:
        meaning = "AFRC with a coding unit size that is not defined"
        return Description(None, Layout.UNKNOWN, meaning, read, reserved)
    order = "SCAN" if _SCAN.get(value) else "ROT"
    parts = [f"P0=CU_{first}", *([f"P12=CU_{others}"] if others else []), order]
    modes = [f"AFRC_FORMAT_MOD_CU_SIZE_P0(AFRC_FORMAT_MOD_CU_SIZE_{first})"]
    modes += [f"AFRC_FORMAT_MOD_CU_SIZE_P12(AFRC_FORMAT_MOD_CU_SIZE_{others})"] if others else []
    modes += ["AFRC_FORMAT_MOD_LAYOUT_SCAN"] if order == "SCAN" else []
    is_defined = not reserved and (others is not None or not _P12.get(value))
    return Description(
        ",".join(parts),
        Layout.COMPRESSED,
        f"AFRC, {_P0.read(value).meaning}" + (f", {others} for the other planes" if others else ""),
        read,
        reserved,
        macro=f"DRM_FORMAT_MOD_ARM_AFRC({' | '.join(modes)})" if is_defined else None,
        drm_info=f"ARM_AFRC(CU_SIZE_P0 = {first}, CU_SIZE_P12 = {others or 'Unknown'}, {order})",
    )


def _misc(value: int) -> Description:
    number = value & ~_TYPE.mask
    if number not in _INTERLEAVED:
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, (_TYPE.read(value),), number)
    name, meaning = _INTERLEAVED[number]
    field = Field("value", 0, VALUE_BITS - _TYPE.bits, number, name)
    return Description(
        name,
        Layout.TILED,
        meaning,
        (_TYPE.read(value), field),
        macro=f"DRM_FORMAT_MOD_ARM_{name}",
        drm_info=f"ARM_{name}" if number == 1 else None,
    )
