"""NVIDIA's modifiers: block-linear layouts, made of groups of bytes (GOBs), and the tiles of old Tegra chips.

Sources: ``include/uapi/drm/drm_fourcc.h`` (DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D); libdrm's ``xf86drm.c``
(drmGetFormatModifierNameFromNvidia); drm_info's ``modifiers.c`` (print_nvidia_modifier).
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

TEGRA_TILED = 1
BLOCK_LINEAR = 0x10

_GOB_COUNTS = ("ONE", "TWO", "FOUR", "EIGHT", "SIXTEEN", "THIRTYTWO")
# Page kinds whose use the header, or nouveau's nvif/if000c.h and nvidia-drm, tell.
_KINDS = {
    0x00: "in older modifiers: the generic kind of uncompressed colours, 0xfe",
    0xFE: "generic kind of uncompressed colours, Fermi to Volta",
    0x06: "generic kind of uncompressed colours, from Turing on",
}
_HEIGHT = Bits("h", 0, 4, {each: f"a block has {1 << each} GOBs above each other" for each in range(6)})
_LINEAR = flag("block linear", 4, "block-linear layout")
_KIND = Bits("k", 12, 8, _KINDS, "page kind 0x{:02x} of the GPU's page tables")
_GENERATION = Bits(
    "g",
    20,
    2,
    {
        0: "GOBs of 8 rows; page kinds of Fermi to Volta and of Tegra from K1 on",
        1: "GOBs of 4 rows; page kinds of G80 to GT2xx",
        2: "GOBs of 8 rows; page kinds from Turing on",
    },
)
_SECTOR = flag(
    "s", 22, "sector layout of desktop GPUs and of Tegra from Xavier on", "sector layout of Tegra K1 to Parker (TX2)"
)
_COMPRESSION = Bits(
    "c",
    23,
    3,
    {
        0: "not compressed",
        1: "ROP/3D, layout 1; the page kind tells the exact form",
        2: "ROP/3D, layout 2; the page kind tells the exact form",
        3: "CDE horizontal",
        4: "CDE vertical",
    },
)
_ALL = (_HEIGHT, _LINEAR, _KIND, _GENERATION, _SECTOR, _COMPRESSION)


def describe_nvidia(value: int) -> Description:
    if value == TEGRA_TILED:
        macro = "DRM_FORMAT_MOD_NVIDIA_TEGRA_TILED"
        field = Field("value", 0, VALUE_BITS, value, "TEGRA_TILED")
        return Description(
            "TEGRA_TILED",
            Layout.TILED,
            "tiles of 16 by 16 bytes (Tegra 2, 3 and 4)",
            (field,),
            macro=macro,
        )
    if not value & BLOCK_LINEAR:
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, reserved=value)
    h, k, g, s, c = (each.get(value) for each in (_HEIGHT, _KIND, _GENERATION, _SECTOR, _COMPRESSION))
    rows = 4 if g == 1 else 8
    reserved = reserved_bits(value, _ALL)
    if value == BLOCK_LINEAR | h and h < len(_GOB_COUNTS):
        macro = f"DRM_FORMAT_MOD_NVIDIA_16BX2_BLOCK_{_GOB_COUNTS[h]}_GOB"
    else:
        macro = f"DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D({c}, {s}, {g}, 0x{k:x}, {h})"
    return Description(
        f"BLOCK_LINEAR_2D,HEIGHT={h},KIND={k},GEN={g},SECTOR={s},COMPRESSION={c}",
        Layout.COMPRESSED if c else Layout.TILED,
        f"blocks of {1 << h} GOBs above each other, each GOB 64 bytes by {rows} rows: 64 bytes by {rows << h} rows; "
        + ("compressed, the compression data is in no plane" if c else "not compressed"),
        tuple(each.read(value) for each in _ALL),
        reserved,
        macro=None if reserved else macro,
        drm_info=f"NVIDIA_BLOCK_LINEAR_2D(h={h}, k={k}, g={g}, s={s}, c={c})",
    )
