"""A reading: how the bytes of a buffer are taken for a picture; and the text in which a user gives one.

The text is ``FORMAT[:MODIFIER[:WxH[:STRIDE]]]``, for example ``XR24:X:1920x1080:7680``. Each part may be empty: what
the device or a file says is kept then.
"""

import re
from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat, fourcc_text, known_formats, parse_fourcc, pixel_format
from app.formats.modifier import tile_of
from app.formats.modifier_text import AmbiguousName, parse_modifier
from app.formats.unread_layout import why_unread
from app.text.clean import clean

MAX_EDGE = 16384
"""The largest width and height: twice 8K. No scanout engine supports more, and no product overflows."""

MAX_STRIDE = MAX_EDGE * 16

# Where in a file a picture may begin: beyond every file that is read.
_MAX_OFFSET = 1 << 40

SHORT_MODIFIERS = {
    "linear": drm.DRM_FORMAT_MOD_LINEAR,
    "X": drm.I915_FORMAT_MOD_X_TILED,
    "Y": drm.I915_FORMAT_MOD_Y_TILED,
    "Yf": drm.I915_FORMAT_MOD_Yf_TILED,
    "4": drm.I915_FORMAT_MOD_4_TILED,
}
"""The names that users type. "4" is the tiling of that name and not modifier number 4."""

_BY_NAME = {name.lower(): modifier for name, modifier in SHORT_MODIFIERS.items()}
_SHORT_NAMES = {modifier: name for name, modifier in SHORT_MODIFIERS.items()}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a reading that are given; None for each that is not."""

    fourcc: int | None = None
    modifier: int | None = None
    size: tuple[int, int] | None = None
    stride: int | None = None


NOTHING = Parts()
"""No part is given."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``width`` and ``height`` are in pixels, ``stride`` and ``offset`` in bytes. ``offset`` is that of the first row.

    The constructor raises ValueError, with the reason for a user, for a reading of which this program can make no
    picture: an unknown format, a compressed or unknown layout, an impossible size or stride.
    """

    fourcc: int
    modifier: int
    width: int
    height: int
    stride: int
    offset: int = 0

    def __post_init__(self) -> None:
        pixels = self.pixels
        if not (1 <= self.width <= MAX_EDGE and 1 <= self.height <= MAX_EDGE):
            raise ValueError(f"{self.width}x{self.height} pixels are not from 1x1 to {MAX_EDGE}x{MAX_EDGE}")
        if not 0 <= self.offset <= _MAX_OFFSET:
            raise ValueError(f"offset {self.offset} is not from 0 to {_MAX_OFFSET}")
        reason = why_unread(self.modifier, pixels)
        if reason is not None:
            raise ValueError(reason)
        least = pixels.row_bytes(self.width)
        if not least <= self.stride <= MAX_STRIDE:
            raise ValueError(
                f"a stride of {self.stride} bytes is not from {least}, the length of a row of {self.width} "
                f"pixels of {pixels.name}, to {MAX_STRIDE}"
            )
        tile = tile_of(self.modifier, pixels.bytes_per_pixel)
        if tile is not None and self.stride % tile.width_bytes:
            raise ValueError(f"a stride of {self.stride} bytes is no multiple of the tile's {tile.width_bytes}")

    @property
    def pixels(self) -> PixelFormat:
        """The layout of a pixel."""
        pixels = pixel_format(self.fourcc)
        if pixels is None:
            raise ValueError(f"the format {fourcc_text(self.fourcc)} is not known")
        return pixels

    @property
    def size(self) -> int:
        """The number of bytes from ``offset``: all rows, those of a tiling rounded up to whole tiles."""
        tile = tile_of(self.modifier, self.pixels.bytes_per_pixel)
        if tile is None:
            return self.stride * (self.height - 1) + self.pixels.row_bytes(self.width)
        return self.stride * (-(-self.height // tile.height) * tile.height)

    def __str__(self) -> str:
        """The text that :func:`parse_parts` reads, all but the offset."""
        modifier = layout_text(self.modifier)
        return f"{fourcc_text(self.fourcc)}:{modifier}:{self.width}x{self.height}:{self.stride}"


def parse_parts(text: str) -> Parts:
    """The parts in ``FORMAT[:MODIFIER[:WxH[:STRIDE]]]``. Raises ValueError with the reason."""
    fields = text.split(":")
    if len(fields) > 4 or len(text) > 200:
        raise ValueError(f"{clean(text, 60)!r} is not of the form FORMAT[:MODIFIER[:WxH[:STRIDE]]]")
    format_, modifier, size, stride = (*fields, "", "", "")[:4]
    return Parts(
        _parse_format(format_) if format_ else None,
        parse_layout(modifier) if modifier else None,
        _parse_size(size) if size else None,
        _parse_number(stride, "stride", MAX_STRIDE) if stride else None,
    )


def parse_layout(text: str) -> int:
    """The modifier of a short name (linear, X, Y, Yf, 4), or of what :mod:`app.formats.modifier_text` reads.

    Raises ValueError with the reason.
    """
    short = _BY_NAME.get(text.lower())
    if short is not None:
        return short
    try:
        return parse_modifier(text)
    except AmbiguousName:
        raise
    except ValueError as error:
        raise ValueError(
            f"{clean(text, 60)!r} is no modifier ({error}): give linear, X, Y, Yf, 4, a name such as INTEL_Y_TILED, or "
            "a number such as 0x100000000000002"
        ) from error


def layout_text(modifier: int) -> str:
    """The short name of a modifier, or its number: :func:`parse_layout` reads both."""
    return _SHORT_NAMES.get(modifier, f"0x{modifier:x}")


def _parse_format(text: str) -> int:
    for each in known_formats():
        if each.name.lower() == text.lower():
            return each.fourcc
    if re.fullmatch(r"0[xX][0-9a-fA-F]{5,8}", text):
        return int(text, 16)
    fourcc = parse_fourcc(text)
    # Nobody means another format by "xr24", and DRM has no two that differ in case alone.
    return fourcc if pixel_format(fourcc) is not None else parse_fourcc(text.upper())


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise ValueError(f"{clean(text, 60)!r} is not of the form WIDTHxHEIGHT, such as 1920x1080")
    return int(match[1]), int(match[2])


def _parse_number(text: str, name: str, most: int) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,6}", text) or int(text) > most:
        raise ValueError(f"{clean(text, 60)!r} is no {name} from 1 to {most} bytes")
    return int(text)


def least_stride(pixels: PixelFormat, modifier: int, width: int) -> int:
    """The bytes of a row, rounded up to whole tiles."""
    row = pixels.row_bytes(width)
    tile = tile_of(modifier, pixels.bytes_per_pixel)
    return row if tile is None else -(-row // tile.width_bytes) * tile.width_bytes


def read_as(parts: Parts, base: Parts, offset: int = 0) -> Reading:
    """The reading of ``parts``; what they lack is that of ``base``.

    A stride in neither is the least one. So is one of ``base`` that does not fit the new format, tiling or width. A
    modifier in neither is linear. Raises ValueError with the reason: also when format or size is in neither.
    """
    fourcc = base.fourcc if parts.fourcc is None else parts.fourcc
    size = base.size if parts.size is None else parts.size
    modifier = base.modifier if parts.modifier is None else parts.modifier
    if fourcc is None or size is None:
        missing = "format" if fourcc is None else "size"
        raise ValueError(f"the {missing} is not known")
    modifier = drm.DRM_FORMAT_MOD_LINEAR if modifier is None else modifier
    stride = parts.stride
    if stride is None:
        pixels = pixel_format(fourcc)
        if pixels is None:
            raise ValueError(f"the format {fourcc_text(fourcc)} is not known")
        least = least_stride(pixels, modifier, size[0])
        tile = tile_of(modifier, pixels.bytes_per_pixel)
        unit = 1 if tile is None else tile.width_bytes
        keeps = base.stride is not None and base.stride >= least and base.stride % unit == 0
        stride = base.stride if base.stride is not None and keeps else least
    return Reading(fourcc, modifier, *size, stride, offset)
