"""AMD's modifiers: a tiling of a generation of GPUs, and the parameters of its compression (DCC).

Sources: ``include/uapi/drm/drm_fourcc.h`` (AMD_FMT_MOD); names of libdrm 2.4.125 (``xf86drm.c``,
drmGetFormatModifierNameFromAmd); drm_info's ``modifiers.c`` (print_amd_modifier).
"""

from app.formats.modifiers.description import UNKNOWN_VALUE, Bits, Description, Field, Layout, flag, reserved_bits

_GFX9, _GFX10, _GFX10_RBPLUS, _GFX11, _GFX12 = range(1, 6)
_VERSIONS = {_GFX9: "GFX9", _GFX10: "GFX10", _GFX10_RBPLUS: "GFX10_RBPLUS", _GFX11: "GFX11", _GFX12: "GFX12"}

# The block size, then the order inside it: Z for depth, S standard, D display, R render target; _T and _X are modified
# by the figures of the chip (PRT, and XOR of pipe and bank bits).
_TILES_GFX9 = (
    *("LINEAR", "256B_S", "256B_D", "256B_R", "4KB_Z", "4KB_S", "4KB_D", "4KB_R"),
    *("64KB_Z", "64KB_S", "64KB_D", "64KB_R", "INVALID12", "INVALID13", "INVALID14", "INVALID15"),
    *("64KB_Z_T", "64KB_S_T", "64KB_D_T", "64KB_R_T", "4KB_Z_X", "4KB_S_X", "4KB_D_X", "4KB_R_X"),
    *("64KB_Z_X", "64KB_S_X", "64KB_D_X", "64KB_R_X", "256KB_Z_X", "256KB_S_X", "256KB_D_X", "256KB_R_X"),
)
_TILES_GFX12 = ("LINEAR", "256B_2D", "4KB_2D", "64KB_2D", "256KB_2D", "4KB_3D", "64KB_3D", "256KB_3D")
# From this tile on, the figures of the chip matter.
_FIRST_XOR_TILE = 16

_ORDERS = {
    "Z": "depth order",
    "S": "standard order",
    "D": "display order",
    "R": "render target order",
    "2D": "2D blocks",
    "3D": "3D blocks",
}

_TILE_VERSION = Bits(
    "TILE_VERSION",
    0,
    8,
    {
        _GFX9: "GFX9 (Vega)",
        _GFX10: "GFX10 (Navi 1x)",
        _GFX10_RBPLUS: "GFX10_RBPLUS (Navi 2x)",
        _GFX11: "GFX11 (Navi 3x)",
        _GFX12: "GFX12 (Navi 4x)",
        0: "reserved for GFX8 and older",
    },
)
_TILE = Bits("TILE", 8, 5, {})
_DCC = flag("DCC", 13, "compressed by delta colour compression (DCC)", "not compressed")
_DCC_RETILE = flag(
    "DCC_RETILE",
    14,
    "two DCC surfaces: plane 1 for the display, plane 2 for the render engine",
    "one DCC surface, in plane 1",
)
_DCC_PIPE_ALIGN = flag("DCC_PIPE_ALIGN", 15, "the DCC surface is aligned to pipes", "the DCC surface is not aligned")
_DCC_64B = flag("DCC_INDEPENDENT_64B", 16, "blocks of 64 bytes are compressed independently")
_DCC_128B = flag("DCC_INDEPENDENT_128B", 17, "blocks of 128 bytes are compressed independently")
_DCC_MAX = Bits(
    "DCC_MAX_COMPRESSED_BLOCK",
    18,
    2,
    {0: "64B: compressed blocks have at most 64 bytes", 1: "128B: at most 128 bytes", 2: "256B: at most 256 bytes"},
)
_DCC_CONSTANT = flag(
    "DCC_CONSTANT_ENCODE",
    20,
    "clear colours in the DCC surface are read as they are",
    "a cleared surface must be resolved before another process reads it",
)
_PIPE_XOR = Bits("PIPE_XOR_BITS", 21, 3, {}, "{} address bits of the pipe are XORed")
_BANK_XOR = Bits("BANK_XOR_BITS", 24, 3, {}, "{} address bits of the bank are XORed")
_PACKERS = Bits("PACKERS", 27, 3, {}, "2^{} packers")
_RB = Bits("RB", 30, 3, {}, "2^{} render backends")
_PIPE = Bits("PIPE", 33, 3, {}, "2^{} pipes")

_ALL = (
    *(_TILE_VERSION, _TILE, _DCC, _DCC_RETILE, _DCC_PIPE_ALIGN, _DCC_64B, _DCC_128B, _DCC_MAX, _DCC_CONSTANT),
    *(_PIPE_XOR, _BANK_XOR, _PACKERS, _RB, _PIPE),
)
_BLOCKS = ("64B", "128B", "256B", "512B")


def tile_names(version: int) -> tuple[str, ...]:
    """The names of the tiles of a version, by their number."""
    return _TILES_GFX12 if version >= _GFX12 else _TILES_GFX9


def describe_amd(value: int) -> Description:
    version, tile = _TILE_VERSION.get(value), _TILE.get(value)
    reserved = reserved_bits(value, _ALL)
    if version not in _VERSIONS:
        fields = tuple(each.read(value) for each in _ALL)
        return Description(None, Layout.UNKNOWN, UNKNOWN_VALUE, fields, reserved)
    names = tile_names(version)
    tile_name = names[tile] if tile < len(names) else None
    spec = Bits("TILE", _TILE.shift, _TILE.bits, {tile: f"{tile_name}: {_tile_words(tile_name)}"} if tile_name else {})
    fields = tuple(
        (spec if each is _TILE else each).read(value)
        if _has_meaning(each, value)
        else Field(each.name, each.shift, each.bits, each.get(value), "has no meaning with the other fields")
        for each in _ALL
        if _has_meaning(each, value) or each.get(value)
    )
    if tile_name is None or tile_name.startswith("INVALID"):
        layout = Layout.UNKNOWN
    elif _DCC.get(value):
        layout = Layout.COMPRESSED
    else:
        layout = Layout.LINEAR if tile == 0 else Layout.TILED
    meaning = f"{_VERSIONS[version]} tiling {tile_name or f'{tile}, which is not defined'}"
    meaning += f", compressed (DCC); {_dcc_place(value)}" if _DCC.get(value) else ", not compressed"
    return Description(_name(value, tile_name), layout, meaning, fields, reserved, drm_info=_drm_info(value))


def _dcc_place(value: int) -> str:
    if _TILE_VERSION.get(value) >= _GFX12:
        return "the DCC data is in no plane"
    return "planes 1 and 2 hold the DCC data" if _DCC_RETILE.get(value) else "plane 1 holds the DCC data"


def _tile_words(name: str | None) -> str:
    if name is None or name == "LINEAR" or name.startswith("INVALID"):
        return "rows" if name == "LINEAR" else "not defined"
    size, order, *chip = name.split("_")
    words = f"blocks of {size.replace('KB', ' KiB').replace('256B', '256 bytes')}, {_ORDERS[order]}"
    return words + (", XORed by figures of the chip" if chip else "")


def _has_xor(value: int) -> bool:
    return _TILE_VERSION.get(value) < _GFX12 and _TILE.get(value) >= _FIRST_XOR_TILE


def _has_meaning(field: Bits, value: int) -> bool:
    """Whether the other fields give the field a meaning."""
    version, dcc = _TILE_VERSION.get(value), bool(_DCC.get(value))
    if field in (_TILE_VERSION, _TILE, _DCC):
        return True
    if field in (_DCC_RETILE, _DCC_PIPE_ALIGN, _DCC_64B, _DCC_128B, _DCC_CONSTANT):
        return dcc and version < _GFX12
    if field is _DCC_MAX:
        return dcc
    if field is _BANK_XOR:
        return _has_xor(value) and version == _GFX9
    if field is _PACKERS:
        return _has_xor(value) and version in (_GFX10_RBPLUS, _GFX11)
    if field in (_RB, _PIPE):
        return dcc and version == _GFX9
    return _has_xor(value)


def _name(value: int, tile_name: str | None) -> str:
    version = _TILE_VERSION.get(value)
    # libdrm has no name for tiles beyond the last of GFX12, and prints a null pointer.
    parts = [_VERSIONS[version], tile_name or f"TILE={_TILE.get(value)}"]
    if _has_xor(value):
        parts.append(f"PIPE_XOR_BITS={_PIPE_XOR.get(value)}")
        if version == _GFX9:
            parts.append(f"BANK_XOR_BITS={_BANK_XOR.get(value)}")
        if version in (_GFX10_RBPLUS, _GFX11):
            parts.append(f"PACKERS={_PACKERS.get(value)}")
    if not _DCC.get(value):
        return ",".join(parts)
    if version == _GFX9 and (_DCC_PIPE_ALIGN.get(value) or _DCC_RETILE.get(value)):
        parts += [f"RB={_RB.get(value)}", f"PIPE={_PIPE.get(value)}"]
    parts += ["DCC", f"DCC_MAX_COMPRESSED_BLOCK={_BLOCKS[_DCC_MAX.get(value)]}"]
    if version < _GFX12:
        flags = (_DCC_64B, _DCC_128B, _DCC_CONSTANT, _DCC_PIPE_ALIGN, _DCC_RETILE)
        parts += [each.name for each in flags if each.get(value)]
    return ",".join(parts)


# The tiles that drm_info knows, with its names.
_DRM_INFO_TILES = {
    9: "GFX9_64K_S",
    10: "GFX9_64K_D",
    25: "GFX9_64K_S_X",
    26: "GFX9_64K_D_X",
    27: "GFX9_64K_R_X",
}


def _drm_info(value: int) -> str | None:
    version, tile = _TILE_VERSION.get(value), _DRM_INFO_TILES.get(_TILE.get(value))
    if version > _GFX10_RBPLUS or tile is None or (_DCC.get(value) and _DCC_MAX.get(value) == 3):
        return None
    parts = [f"TILE_VERSION = {_VERSIONS[version]}", f"TILE = {tile}"]
    dcc, retile, aligned = (bool(each.get(value)) for each in (_DCC, _DCC_RETILE, _DCC_PIPE_ALIGN))
    if dcc:
        parts.append("DCC")
        if retile:
            parts.append("DCC_RETILE")
        elif aligned:
            parts.append("DCC_PIPE_ALIGN")
        parts += [each.name for each in (_DCC_64B, _DCC_128B) if each.get(value)]
        parts.append(f"DCC_MAX_COMPRESSED_BLOCK = {_BLOCKS[_DCC_MAX.get(value)]}")
        if _DCC_CONSTANT.get(value):
            parts.append("DCC_CONSTANT_ENCODE")
    if _has_xor(value):
        shown = [_PIPE_XOR]
        shown += [_BANK_XOR] if version == _GFX9 else []
        shown += [_PACKERS] if version == _GFX10_RBPLUS else []
        shown += [_RB] if version == _GFX9 and dcc else []
        shown += [_PIPE] if version == _GFX9 and dcc and (retile or aligned) else []
        parts += [f"{each.name} = {each.get(value)}" for each in shown]
    return f"AMD({', '.join(parts)})"
