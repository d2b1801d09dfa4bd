"""Which texture holds the bytes of a pixel format, and how they become a colour.

A format reaches OpenGL in one of two ways: as an image of its own fourcc, which the driver decodes, or as an image
(or upload) of a *substitute* format with the same bytes, which a swizzle or a shader decodes. Imports and uploads
use the same substitutes, so one table serves both.
"""

import functools
from dataclasses import dataclass
from enum import Enum

from app.abi import drm_fourcc as drm
from app.formats.fourcc import Family, PixelFormat
from gl import api


class Decode(Enum):
    """What a shader does with a texel."""

    COLOUR = "colour"
    """Nothing: the texture unit returns the colour, filtered."""
    FETCHED = "fetched"
    """Nothing, but the shader fetches texels one by one and filters them. llvmpipe's texture unit widens the channels
    of 16-bit formats by repeating bits, which makes some values wrong by one."""
    YUV422 = "yuv422"
    """A texel is four bytes that hold two pixels."""
    WORD = "word"
    """A texel is the bytes of one pixel. The shader takes the channels out of the little-endian word."""


Swizzle = tuple[int, int, int, int]

_IDENTITY: Swizzle = (api.GL_RED, api.GL_GREEN, api.GL_BLUE, api.GL_ALPHA)
_OPAQUE: Swizzle = (api.GL_RED, api.GL_GREEN, api.GL_BLUE, api.GL_ONE)


@dataclass(frozen=True, slots=True)
class SubstituteFormat:
    """A fourcc with the same bytes. One texel holds ``pixels`` pixels of the plane."""

    fourcc: int
    decode: Decode
    swizzle: Swizzle
    pixels: int = 1


@dataclass(frozen=True, slots=True)
class UploadFormat:
    """The arguments of glTexStorage2D and glTexSubImage2D, named as there."""

    internal_format: int
    format: int
    type: int
    texel_bytes: int


@dataclass(frozen=True, slots=True)
class FormatMapping:
    """How one format is shown. ``native`` is the swizzle for an image of the format's own fourcc."""

    native: Swizzle
    decode: Decode
    """What a shader does with an image of the format's own fourcc."""
    substitutes: tuple[SubstituteFormat, ...]
    """In order of preference. ``upload`` is for the last one."""
    upload: UploadFormat
    decodes_natively: bool
    """Whether an image of the format's own fourcc can be an ordinary texture, not only an external one."""


@dataclass(frozen=True, slots=True)
class _TextureFormat:
    """A fourcc that is a texture format of OpenGL. ``channel_at`` maps a channel's first bit to the channel."""

    fourcc: int
    upload: UploadFormat
    channel_at: dict[int, int]


_RGBA8 = _TextureFormat(
    drm.DRM_FORMAT_ABGR8888,
    UploadFormat(api.GL_RGBA8, api.GL_RGBA, api.GL_UNSIGNED_BYTE, 4),
    {0: api.GL_RED, 8: api.GL_GREEN, 16: api.GL_BLUE, 24: api.GL_ALPHA},
)
_RGB10_A2 = _TextureFormat(
    drm.DRM_FORMAT_ABGR2101010,
    UploadFormat(api.GL_RGB10_A2, api.GL_RGBA, api.GL_UNSIGNED_INT_2_10_10_10_REV, 4),
    {0: api.GL_RED, 10: api.GL_GREEN, 20: api.GL_BLUE, 30: api.GL_ALPHA},
)
_RGB8 = _TextureFormat(
    drm.DRM_FORMAT_BGR888,
    UploadFormat(api.GL_RGB8, api.GL_RGB, api.GL_UNSIGNED_BYTE, 3),
    {0: api.GL_RED, 8: api.GL_GREEN, 16: api.GL_BLUE},
)
_RGB565 = _TextureFormat(
    drm.DRM_FORMAT_RGB565,
    UploadFormat(api.GL_RGB565, api.GL_RGB, api.GL_UNSIGNED_SHORT_5_6_5, 2),
    {11: api.GL_RED, 5: api.GL_GREEN, 0: api.GL_BLUE},
)
_RG8 = _TextureFormat(drm.DRM_FORMAT_GR88, UploadFormat(api.GL_RG8, api.GL_RG, api.GL_UNSIGNED_BYTE, 2), {})
_R8 = _TextureFormat(drm.DRM_FORMAT_R8, UploadFormat(api.GL_R8, api.GL_RED, api.GL_UNSIGNED_BYTE, 1), {})


def _by_swizzle(pixel_format: PixelFormat, texture_format: _TextureFormat, decode: Decode) -> SubstituteFormat:
    assert pixel_format.red and pixel_format.green and pixel_format.blue
    red, green, blue = (
        texture_format.channel_at[each.shift] for each in (pixel_format.red, pixel_format.green, pixel_format.blue)
    )
    alpha = texture_format.channel_at[pixel_format.alpha.shift] if pixel_format.alpha else api.GL_ONE
    return SubstituteFormat(texture_format.fourcc, decode, (red, green, blue, alpha))


@functools.cache
def format_mapping(pixel_format: PixelFormat) -> FormatMapping:
    """How to show a format of :mod:`app.formats.fourcc`."""
    if pixel_format.family is Family.GREY:
        red = (api.GL_RED, api.GL_RED, api.GL_RED, api.GL_ONE)
        return FormatMapping(
            red, Decode.COLOUR, (SubstituteFormat(_R8.fourcc, Decode.COLOUR, red),), _R8.upload, decodes_natively=False
        )
    if pixel_format.family is Family.YUV422:
        pair = SubstituteFormat(_RGBA8.fourcc, Decode.YUV422, _IDENTITY, pixel_format.width_multiple)
        return FormatMapping(_OPAQUE, Decode.COLOUR, (pair,), _RGBA8.upload, decodes_natively=False)
    native = _IDENTITY if pixel_format.has_alpha else _OPAQUE
    assert pixel_format.green
    match pixel_format.bytes_per_pixel, pixel_format.green.bits:
        case 4, 8:
            texture_format = _RGBA8
        case 4, 10:
            texture_format = _RGB10_A2
        case 3, 8:
            texture_format = _RGB8
        case 2, 6:
            texture_format = _RGB565
        case _:
            # OpenGL ES has no format with one alpha bit on top. EGL may import the same format with alpha.
            with_alpha = SubstituteFormat(drm.DRM_FORMAT_ARGB1555, Decode.FETCHED, native)
            word = SubstituteFormat(_RG8.fourcc, Decode.WORD, _IDENTITY)
            return FormatMapping(native, Decode.FETCHED, (with_alpha, word), _RG8.upload, decodes_natively=True)
    decode = Decode.FETCHED if texture_format is _RGB565 else Decode.COLOUR
    return FormatMapping(
        native,
        decode,
        (_by_swizzle(pixel_format, texture_format, decode),),
        texture_format.upload,
        decodes_natively=True,
    )
