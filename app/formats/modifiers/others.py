"""Vendors with a few bit fields: Broadcom, Vivante, Amlogic, MediaTek.

Sources: ``include/uapi/drm/drm_fourcc.h``; libdrm's ``xf86drm.c`` (drmGetFormatModifierNameFromAmlogic and
drmGetFormatModifierNameFromVivante); drm_info's ``modifiers.c`` (print_amlogic_modifier).
"""

from app.formats.modifiers.description import UNKNOWN_VALUE, Bits, Description, Layout, flag, reserved_bits

_SAND_WIDTHS = {2: 32, 3: 64, 4: 128, 5: 256}
_BROADCOM_NAMES = {1: "VC4_T_TILED", 6: "UIF", **{each: f"SAND{width}" for each, width in _SAND_WIDTHS.items()}}
_BROADCOM_TYPE = Bits(
    "type",
    0,
    8,
    {
        1: "VC4_T_TILED: T format, tiles of 4 KiB (VideoCore IV)",
        6: "UIF: blocks of 2 by 2 utiles of 64 bytes, in columns (V3D, newer codecs and displays)",
        **{each: f"SAND{width}: columns that are {width} bytes wide" for each, width in _SAND_WIDTHS.items()},
    },
)
_COLUMN_HEIGHT = Bits("column height", 8, 48, {0: "not given"}, "{} rows from the start of a column to the next")


def describe_broadcom(value: int) -> Description:
    """The names with a column height are in libdrm's manner: libdrm has none for them."""
    kind = _BROADCOM_TYPE.get(value)
    if kind not in _BROADCOM_NAMES:
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, (_BROADCOM_TYPE.read(value),), value & ~0xFF)
    name = _BROADCOM_NAMES[kind]
    macro = f"DRM_FORMAT_MOD_BROADCOM_{name}"
    meaning = _BROADCOM_TYPE.read(value).meaning.partition(": ")[2]
    fields = (_BROADCOM_TYPE, _COLUMN_HEIGHT) if kind in _SAND_WIDTHS else (_BROADCOM_TYPE,)
    reserved = reserved_bits(value, fields)
    height = _COLUMN_HEIGHT.get(value)
    read = tuple(each.read(value) for each in fields)
    if reserved:
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, read, reserved)
    if not height:
        return Description(name, Layout.TILED, meaning, read, macro=macro, drm_info=macro)
    meaning += f", {height} rows apart"
    return Description(
        f"{name},COL_HEIGHT={height}", Layout.TILED, meaning, read, macro=f"{macro}_COL_HEIGHT({height})"
    )


_VIVANTE_TILINGS = {1: "TILED", 2: "SUPER_TILED", 3: "SPLIT_TILED", 4: "SPLIT_SUPER_TILED"}
_VIVANTE_TILING = Bits(
    "tiling",
    0,
    48,
    {
        1: "tiles of 4 by 4 pixels, row after row",
        2: "supertiles of 64 by 64 pixels, made of tiles of 4 by 4",
        3: "tiles of 4 by 4 pixels, every second one from another base address (two pipes)",
        4: "supertiles of 64 by 64 pixels, every second tile from another base address (two pipes)",
    },
)
_TS = {1: "64B_4", 2: "64B_2", 3: "128B_4", 4: "256B_4"}
_VIVANTE_TS = Bits(
    "TS",
    48,
    4,
    {
        0: "no tile status",
        1: "tile status in a buffer of its own: 4 bits for 64 bytes",
        2: "tile status in a buffer of its own: 2 bits for 64 bytes",
        3: "tile status in a buffer of its own: 4 bits for 128 bytes",
        4: "tile status in a buffer of its own: 4 bits for 256 bytes",
    },
)
_VIVANTE_COMP = Bits("COMP", 52, 4, {0: "not compressed", 1: "compressed (DEC400); the tile status tells how"})


def describe_vivante(value: int) -> Description:
    tiling, status, compression = (each.get(value) for each in (_VIVANTE_TILING, _VIVANTE_TS, _VIVANTE_COMP))
    name = _VIVANTE_TILINGS.get(tiling, "UNKNOWN")
    parts = [name]
    parts += [f"TS={_TS.get(status, 'UNKNOWN')}"] if status else []
    parts += ["COMP=DEC400" if compression == 1 else "COMP=UNKNOWN"] if compression else []
    if "UNKNOWN" in ",".join(parts):
        layout = Layout.UNKNOWN
    else:
        # Tiles that the status marks as cleared hold no pixels, so such a buffer needs the GPU as well.
        layout = Layout.COMPRESSED if status or compression else Layout.TILED
    macro = f"DRM_FORMAT_MOD_VIVANTE_{name}" if tiling in _VIVANTE_TILINGS else None
    plain = macro if not status and not compression else None
    if macro and status in _TS and compression < 2:
        macro += f" | VIVANTE_MOD_TS_{_TS[status].replace('B', '')}"
        macro += " | VIVANTE_MOD_COMP_DEC400" if compression else ""
    else:
        macro = plain
    fields = (_VIVANTE_TILING, _VIVANTE_TS, _VIVANTE_COMP)
    read = tuple(each.read(value) for each in fields)
    meaning = "; ".join(each.meaning for each in read if each.value or each.name == "tiling")
    return Description(",".join(parts), layout, meaning, read, macro=macro, drm_info=plain)


_AMLOGIC_LAYOUTS = {1: "BASIC", 2: "SCATTER"}
_AMLOGIC_LAYOUT = Bits(
    "layout",
    0,
    8,
    {
        1: "BASIC: superblocks of 64 by 32 pixels, and headers",
        2: "SCATTER: the header refers to pages; the content cannot be mapped, only the hardware reads it",
    },
)
_MEM_SAVING = flag("MEM_SAVING", 8, "packed: 8-bit content takes less memory")


def describe_amlogic(value: int) -> Description:
    layout = _AMLOGIC_LAYOUTS.get(_AMLOGIC_LAYOUT.get(value))
    option = "MEM_SAVING" if _MEM_SAVING.get(value) else "0"
    reserved = reserved_bits(value, (_AMLOGIC_LAYOUT, _MEM_SAVING))
    is_defined = layout is not None and not reserved
    options = "AMLOGIC_FBC_OPTION_MEM_SAVING" if option != "0" else "0"
    return Description(
        f"FBC,LAYOUT={layout or 'INVALID_LAYOUT'},OPTIONS={option}",
        Layout.COMPRESSED if layout else Layout.UNKNOWN,
        "Amlogic's lossless framebuffer compression, " + (f"{layout} layout" if layout else "an undefined layout"),
        tuple(each.read(value) for each in (_AMLOGIC_LAYOUT, _MEM_SAVING)),
        reserved,
        macro=f"DRM_FORMAT_MOD_AMLOGIC_FBC(AMLOGIC_FBC_LAYOUT_{layout}, {options})" if is_defined else None,
        drm_info=f"AMLOGIC_FBC(layout = {layout}, options = {option})" if layout else None,
    )


_MTK_TILE = Bits("TILE", 0, 4, {0: "NONE: not tiled", 1: "16L32S: tiles of 16 by 32 luma samples"})
_MTK_COMPRESS = Bits("COMPRESS", 8, 4, {0: "NONE: not compressed", 1: "V1: compressed"})
_MTK_10BIT = Bits(
    "10BIT_LAYOUT",
    16,
    4,
    {
        0: "PACKED: 10 bits one after the other",
        1: "LSBTILED: the low bits apart, in tiles",
        2: "LSBRASTER: the low bits apart, in rows",
    },
)


def describe_mtk(value: int) -> Description:
    """The names are in libdrm's manner: libdrm has none for MediaTek."""
    fields = (_MTK_TILE, _MTK_COMPRESS, _MTK_10BIT)
    read = tuple(each.read(value) for each in fields)
    reserved = reserved_bits(value, fields)
    if reserved or any(each.meaning == "not defined" for each in read):
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, read, reserved)
    tile, compress, ten = (each.meaning.partition(":")[0] for each in read)
    if value == 1:
        name, macro = "16L_32S_TILE", "DRM_FORMAT_MOD_MTK_16L_32S_TILE"
    else:
        name = f"TILE={tile},COMPRESS={compress},10BIT_LAYOUT={ten}"
        flags = zip(fields, (tile, compress, ten), strict=True)
        macro = " | ".join(f"MTK_FMT_MOD_{field.name}_{each}" for field, each in flags)
        macro = f"DRM_FORMAT_MOD_MTK({macro})"
    layout = Layout.COMPRESSED if read[1].value else Layout.TILED
    meaning = ", ".join(each.meaning.partition(": ")[2] for each in read)
    return Description(name, layout, meaning, read, macro=macro)


VALUES = {
    "BROADCOM": tuple(_BROADCOM_NAMES),
    "VIVANTE": tuple(
        compression << 52 | status << 48 | tiling
        for tiling in _VIVANTE_TILINGS
        for status in range(5)
        for compression in range(2)
    ),
    "AMLOGIC": tuple(option << 8 | layout for layout in _AMLOGIC_LAYOUTS for option in range(2)),
    "MTK": tuple(ten << 16 | compress << 8 | tile for tile in range(2) for compress in range(2) for ten in range(3)),
}
"""Every value that has a name, by vendor; of Broadcom's those without a column height."""
