"""Reads a modifier as users write it: a number, the name of the kernel's header, or libdrm's."""

import functools
import re

from app.abi import drm_fourcc as drm
from app.formats.modifier import modifier_name
from app.formats.modifiers import amd
from app.formats.modifiers.vendors import describe, vendor_code, vendor_modifiers

_PREFIXES = ("DRM_FORMAT_MOD_", "I915_FORMAT_MOD_")
_NUMBER = re.compile(r"0x[0-9a-f]{1,32}|[0-9]{1,32}", re.IGNORECASE | re.ASCII)
_MOST = (1 << 64) - 1
_LONGEST = 250

_BLOCK_LINEAR = re.compile(
    r"(?:BLOCK_LINEAR_2D,HEIGHT=)(\d{1,3}),KIND=(\d{1,3}),GEN=(\d),SECTOR=(\d),COMPRESSION=(\d)", re.ASCII
)
_SAND = re.compile(r"SAND(32|64|128|256)(?:,COL_HEIGHT=|_COL_HEIGHT\()(\d{1,15})\)?", re.ASCII)
# What is shown of a value without a name.
_UNNAMED = re.compile(r"([A-Z]+)_0X([0-9A-F]{14})", re.ASCII)
_AFBC = re.compile(r"BLOCK_SIZE=(\w+),(?:MODE=([\w|]+))?", re.ASCII)
_AFRC = re.compile(r"P0=CU_(\d\d),(?:P12=CU_(\d\d),)?(SCAN|ROT)", re.ASCII)

_AFBC_SIZES = {"16X16": 1, "32X8": 2, "64X4": 3, "32X8_64X4": 4}
_AFBC_MODES = ("YTR", "SPLIT", "SPARSE", "CBR", "TILED", "SC", "DB", "BCH", "USM")
_UNIT_SIZES = {None: 0, "16": 1, "24": 2, "32": 3}
_SAND_TYPES = {"32": 2, "64": 3, "128": 4, "256": 5}
_AMD_VERSIONS = {"GFX9": 1, "GFX10": 2, "GFX10_RBPLUS": 3, "GFX11": 4, "GFX12": 5}
_AMD_SHIFTS = {"PIPE_XOR_BITS": 21, "BANK_XOR_BITS": 24, "PACKERS": 27, "RB": 30, "PIPE": 33}
_AMD_FLAGS = {
    "DCC": 13,
    "DCC_RETILE": 14,
    "DCC_PIPE_ALIGN": 15,
    "DCC_INDEPENDENT_64B": 16,
    "DCC_INDEPENDENT_128B": 17,
    "DCC_CONSTANT_ENCODE": 20,
}
_AMD_BLOCKS = {"64B": 0, "128B": 1, "256B": 2, "512B": 3}


class AmbiguousName(ValueError):
    """Several vendors have a modifier of this name; the text lists them with the vendor."""


def number(text: str) -> int | None:
    """The value of decimal or 0x digits; None for other text. Raises ValueError for more than 64 bits."""
    if not _NUMBER.fullmatch(text):
        return None
    value = int(text, 16 if text[:2].lower() == "0x" else 10)
    if value > _MOST:
        raise ValueError("the number has more than 64 bits")
    return value


def parse_modifier(text: str) -> int:
    """The modifier of a number or a name; names with or without the vendor or the macro's prefix, in any case.

    Raises ValueError if it is none, and AmbiguousName if several vendors have the name. The text is for the user.
    """
    value = number(text)
    if value is not None:
        return value
    word = text.strip().upper() if len(text) <= _LONGEST and text.isascii() else ""
    found = _names().get(word) or _parametrised(word)
    if not found:
        raise ValueError("no modifier has this name")
    if len(found) > 1:
        names = ", ".join(sorted(map(modifier_name, found)))
        raise AmbiguousName(f"several modifiers have this name: {names}")
    return found[0]


@functools.cache
def _names() -> dict[str, tuple[int, ...]]:
    """The modifiers by each of their names in capitals. A name without the vendor may belong to several."""
    names: dict[str, list[int]] = {}
    blocks = tuple(drm.fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_NVIDIA, 0x10 | height) for height in range(6))
    for modifier in (*vendor_modifiers(), *blocks):
        description = describe(modifier)
        forms = {modifier_name(modifier), description.name, description.macro}
        forms |= {_without_prefix(each) for each in forms if each}
        for each in forms - {None, ""}:
            names.setdefault(str(each).upper(), []).append(modifier)
    aliases = {
        "NONE": drm.DRM_FORMAT_MOD_LINEAR,
        "GENERIC_16_16_TILE": drm.fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_SAMSUNG, 2),
    }
    for each, modifier in aliases.items():
        names[each] = names[_PREFIXES[0] + each] = [modifier]
    return {name: tuple(modifiers) for name, modifiers in names.items()}


def _without_prefix(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _parametrised(word: str) -> tuple[int, ...]:
    """The modifier of a name with parameters, as libdrm and :func:`modifier_name` write it."""
    name = _without_prefix(word)
    if match := _UNNAMED.fullmatch(name):
        vendor = vendor_code(match.group(1))
        return () if vendor is None else (drm.fourcc_mod_code(vendor, int(match.group(2), 16)),)
    readers = {
        "AMD": (drm.DRM_FORMAT_MOD_VENDOR_AMD, _amd),
        "NVIDIA": (drm.DRM_FORMAT_MOD_VENDOR_NVIDIA, _nvidia),
        "ARM": (drm.DRM_FORMAT_MOD_VENDOR_ARM, _arm),
        "BROADCOM": (drm.DRM_FORMAT_MOD_VENDOR_BROADCOM, _broadcom),
    }
    found = []
    for prefix, (code, reader) in readers.items():
        value = reader(name.removeprefix(f"{prefix}_"))
        if value is not None and not value >> 56:
            found.append(drm.fourcc_mod_code(code, value))
    return tuple(each for each in found if _is_name_of(name, each))


def _is_name_of(name: str, modifier: int) -> bool:
    """Whether the modifier is called so. The readers take more than the names that exist."""
    forms = (describe(modifier).name, modifier_name(modifier), _without_prefix(describe(modifier).macro or ""))
    return name in [each.upper() for each in forms if each]


def _amd(name: str) -> int | None:
    version, *parts = name.split(",")
    if version not in _AMD_VERSIONS or not parts:
        return None
    tiles = amd.tile_names(_AMD_VERSIONS[version])
    if parts[0] not in tiles:
        return None
    value = _AMD_VERSIONS[version] | tiles.index(parts[0]) << 8
    for part in parts[1:]:
        key, _, figure = part.partition("=")
        if part in _AMD_FLAGS:
            value |= 1 << _AMD_FLAGS[part]
        elif key in _AMD_SHIFTS and figure in tuple("01234567"):
            value |= int(figure) << _AMD_SHIFTS[key]
        elif key == "DCC_MAX_COMPRESSED_BLOCK" and figure in _AMD_BLOCKS:
            value |= _AMD_BLOCKS[figure] << 18
        else:
            return None
    return value


def _nvidia(name: str) -> int | None:
    match = _BLOCK_LINEAR.fullmatch(name)
    if match is None:
        return None
    height, kind, generation, sector, compression = map(int, match.groups())
    return 0x10 | height & 0xF | (kind & 0xFF) << 12 | (generation & 3) << 20 | (sector & 1) << 22 | compression << 23


def _arm(name: str) -> int | None:
    if match := _AFBC.fullmatch(name):
        size, modes = match.groups()
        value = _AFBC_SIZES.get(size, 0)
        for mode in modes.split("|") if modes else ():
            value |= 1 << 4 + _AFBC_MODES.index(mode) if mode in _AFBC_MODES else 0
        return value
    if match := _AFRC.fullmatch(name):
        first, others, order = match.groups()
        return 2 << 52 | _UNIT_SIZES.get(first, 0) | _UNIT_SIZES.get(others, 0) << 4 | (order == "SCAN") << 8
    return None


def _broadcom(name: str) -> int | None:
    match = _SAND.fullmatch(name)
    return _SAND_TYPES[match.group(1)] | int(match.group(2)) << 8 if match else None
