"""One pixel in its plane's own format: where its bytes lie, and the values of its channels."""

from dataclasses import dataclass

import numpy as np

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.fourcc import Family, PixelFormat


@dataclass(frozen=True, slots=True)
class ChannelValue:
    """The number that a channel of ``bits`` bits holds. ``name`` is R, G, B, A, Y, Cb, Cr or index."""

    name: str
    value: int
    bits: int


@dataclass(frozen=True, slots=True)
class PixelValue:
    """``raw`` are the bytes in the order of memory; in 4:2:2 they are those of both pixels that share chroma.

    They are None if nobody read them: then the channels are what a GPU made of them.
    """

    raw: bytes | None
    channels: tuple[ChannelValue, ...]


def byte_offsets(pixel_format: PixelFormat, modifier: int, stride: int, x: int, y: int) -> tuple[int, ...]:
    """Where the bytes of a pixel lie, from the plane's first byte on. ``y`` counts rows as they lie in memory.

    A plane whose modifier is not known (INVALID) is read as linear. Raises ValueError for a layout that
    :mod:`app.formats.tiling` does not know.
    """
    multiple = pixel_format.width_multiple
    first = x // multiple * multiple * pixel_format.bytes_per_pixel
    columns = np.arange(first, first + multiple * pixel_format.bytes_per_pixel)
    if modifier == drm.DRM_FORMAT_MOD_INVALID:
        modifier = drm.DRM_FORMAT_MOD_LINEAR
    offsets = tiling.address(modifier, pixel_format.bytes_per_pixel, stride, columns, y)
    return tuple(int(each) for each in offsets)


def pixel_value(raw: bytes, pixel_format: PixelFormat, x: int) -> PixelValue:
    """The value of the pixel in column ``x``, whose bytes are at :func:`byte_offsets`.

    Raises ValueError if they are not as many as there.
    """
    needed = pixel_format.bytes_per_pixel * pixel_format.width_multiple
    if len(raw) != needed:
        raise ValueError(f"{len(raw)} bytes where a pixel takes {needed}")
    match pixel_format.family:
        case Family.GREY:
            channels: tuple[ChannelValue, ...] = (ChannelValue("index", raw[0], 8),)
        case Family.YUV422:
            places = (pixel_format.luma[x % 2], *pixel_format.chroma)
            names = ("Y", "Cb", "Cr")
            channels = tuple(ChannelValue(name, raw[at], 8) for name, at in zip(names, places, strict=True))
        case Family.RGB:
            word = int.from_bytes(raw, "little")
            parts = zip(
                "RGBA", (pixel_format.red, pixel_format.green, pixel_format.blue, pixel_format.alpha), strict=True
            )
            channels = tuple(
                ChannelValue(name, word >> each.shift & (1 << each.bits) - 1, each.bits) for name, each in parts if each
            )
    return PixelValue(bytes(raw), channels)
