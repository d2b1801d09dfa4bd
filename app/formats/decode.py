"""Converts pixels of a linear plane to RGBA and back, in numpy. GPU results are compared with these.

A channel of n bits becomes 8 bits by GL's rule for unsigned normalised values: ``round(v * 255 / (2^n - 1))``. No
value lies halfway between two results. X formats are opaque. C8 is shown as grey, with the index as the brightness:
the plane comes without a palette. In 4:2:2 both pixels of a pair have the chroma of the pair.
"""

import numpy as np
import numpy.typing as npt

from app.formats import yuv
from app.formats.fourcc import Channel, Family, PixelFormat

# Shape (height, width, 4): red, green, blue, alpha.
Rgba = npt.NDArray[np.uint8]
# Shape (height, bytes a row).
Rows = npt.NDArray[np.uint8]

_OPAQUE = 255
_BAND_PIXELS = 1 << 17
_FRACTION = 16


def decode(rows: Rows, pixel_format: PixelFormat, width: int, matrix: yuv.Matrix = yuv.Matrix.BT601) -> Rgba:
    """The pixels of ``rows``, which need at least ``row_bytes(width)`` columns. Raises ValueError for shorter rows.

    Only YUV formats use ``matrix``. The colours of a format with alpha do not change: the planes of GVT-g hold
    premultiplied colours.
    """
    row_bytes = pixel_format.row_bytes(width)
    if rows.shape[1] < row_bytes:
        raise ValueError(f"{rows.shape[1]} bytes a row where {width} pixels take {row_bytes}")
    rows = rows[:, :row_bytes]
    if pixel_format.family is Family.GREY:
        rgba = np.full((rows.shape[0], width, 4), _OPAQUE, np.uint8)
        rgba[..., :3] = rows[:, :, np.newaxis]
        return rgba
    if pixel_format.family is Family.YUV422:
        return _decode_yuv(rows, pixel_format, width, matrix)
    return _decode_rgb(rows, pixel_format, width)


def encode(rgba: Rgba, pixel_format: PixelFormat, matrix: yuv.Matrix = yuv.Matrix.BT601) -> Rows:
    """Rows of shape (height, row_bytes) with the picture, as exact as the format allows.

    The unused bits of X formats are zero. A reader that takes them for alpha shows nothing, so its mistake is visible.
    C8 gets the luma. 4:2:2 gets the mean chroma of each pair; an odd width repeats its last pixel.
    """
    if pixel_format.family is Family.GREY:
        luma = rgba[..., :3] @ np.array([77, 150, 29], np.uint16)
        return (luma + 128 >> 8).astype(np.uint8)
    if pixel_format.family is Family.YUV422:
        return _encode_yuv(rgba, pixel_format, matrix)
    return _encode_rgb(rgba, pixel_format)


def _channels(pixel_format: PixelFormat) -> tuple[Channel | None, ...]:
    return (pixel_format.red, pixel_format.green, pixel_format.blue, pixel_format.alpha)


def _in_bytes(pixel_format: PixelFormat) -> bool:
    """Whether every channel is a whole byte: then bytes are only copied."""
    return all(each is None or (each.bits == 8 and each.shift % 8 == 0) for each in _channels(pixel_format))


def _widening(bits: int) -> npt.NDArray[np.uint8]:
    top = (1 << bits) - 1
    return ((np.arange(top + 1) * 255 * 2 + top) // (2 * top)).astype(np.uint8)


def _narrowing(bits: int) -> npt.NDArray[np.uint32]:
    top = (1 << bits) - 1
    return ((np.arange(256) * top * 2 + 255) // 510).astype(np.uint32)


def _decode_rgb(rows: Rows, pixel_format: PixelFormat, width: int) -> Rgba:
    height, size = rows.shape[0], pixel_format.bytes_per_pixel
    rgba = np.empty((height, width, 4), np.uint8)
    if _in_bytes(pixel_format):
        pixels = rows.reshape(height, width, size)
        for index, channel in enumerate(_channels(pixel_format)):
            rgba[..., index] = pixels[..., channel.shift // 8] if channel else _OPAQUE
        return rgba
    words = np.ascontiguousarray(rows).view(f"<u{size}")
    for index, channel in enumerate(_channels(pixel_format)):
        if channel is None:
            rgba[..., index] = _OPAQUE
        else:
            values = words >> channel.shift & (1 << channel.bits) - 1
            rgba[..., index] = _widening(channel.bits)[values]
    return rgba


def _encode_rgb(rgba: Rgba, pixel_format: PixelFormat) -> Rows:
    height, width, _ = rgba.shape
    size = pixel_format.bytes_per_pixel
    if _in_bytes(pixel_format):
        pixels = np.empty((height, width, size), np.uint8)
        used = {each.shift // 8 for each in _channels(pixel_format) if each}
        for unused in set(range(size)) - used:
            pixels[..., unused] = 0
        for index, channel in enumerate(_channels(pixel_format)):
            if channel:
                pixels[..., channel.shift // 8] = rgba[..., index]
        return pixels.reshape(height, width * size)
    words = np.zeros((height, width), np.uint32)
    for index, channel in enumerate(_channels(pixel_format)):
        if channel:
            words |= (_narrowing(channel.bits) << channel.shift)[rgba[..., index]]
    return words.astype(f"<u{size}").view(np.uint8)


def _decode_yuv(rows: Rows, pixel_format: PixelFormat, width: int, matrix: yuv.Matrix) -> Rgba:
    height = rows.shape[0]
    rgba = np.full((height, rows.shape[1] // 2, 4), _OPAQUE, np.uint8)
    # In bands that fit into the CPU's cache: the floats of a whole 8K plane would take gigabytes.
    band = max(1, _BAND_PIXELS // width)
    for top in range(0, height, band):
        groups = rows[top : top + band].reshape(-1, rows.shape[1] // 4, 4)
        samples = np.empty((3, *groups.shape[:2], 2), np.float32)
        samples[0] = groups[..., list(pixel_format.luma)]
        samples[1] = groups[..., pixel_format.chroma[0], np.newaxis]
        samples[2] = groups[..., pixel_format.chroma[1], np.newaxis]
        samples /= 255
        samples -= np.array(yuv.SAMPLE_OFFSET, np.float32).reshape(3, 1, 1, 1)
        for index, factors in enumerate(yuv.rgb_from_yuv(matrix)):
            value = samples[0] * np.float32(factors[0])
            for channel in (1, 2):
                if factors[channel]:
                    value += samples[channel] * np.float32(factors[channel])
            np.clip(value, 0, 1, out=value)
            widened = (value * 255 + np.float32(0.5)).astype(np.uint8)
            rgba[top : top + band, :, index] = widened.reshape(groups.shape[0], -1)
    return rgba[:, :width]


def _encode_yuv(rgba: Rgba, pixel_format: PixelFormat, matrix: yuv.Matrix) -> Rows:
    height, width, _ = rgba.shape
    if width % 2:
        rgba = np.concatenate([rgba, rgba[:, -1:]], axis=1)
    groups = np.empty((height, rgba.shape[1] // 2, 4), np.uint8)
    band = max(1, _BAND_PIXELS // width)
    for top in range(0, height, band):
        part = rgba[top : top + band]
        red, green, blue = (part[..., index].astype(np.int32) for index in range(3))
        into = groups[top : top + band]
        luma = _weighted((red, green, blue), _luma_weights(matrix), yuv.LUMA_OFFSET, _FRACTION)
        into[..., pixel_format.luma[0]] = luma[:, ::2]
        into[..., pixel_format.luma[1]] = luma[:, 1::2]
        sums = tuple(each[:, ::2] + each[:, 1::2] for each in (red, green, blue))
        for place, weights in zip(pixel_format.chroma, _chroma_weights(matrix), strict=True):
            # The sums count two pixels, so there is one more bit to shift out.
            into[..., place] = _weighted(sums, weights, yuv.CHROMA_OFFSET, _FRACTION + 1)
    return groups.reshape(height, -1)


def _weighted(
    channels: tuple[npt.NDArray[np.int32], ...], weights: tuple[float, ...], offset: int, fraction: int
) -> npt.NDArray[np.int32]:
    """``offset`` plus the weighted channels, rounded, in fixed point with ``fraction`` bits."""
    total = channels[0] * np.int32(round(weights[0] * (1 << _FRACTION)))
    for channel, weight in zip(channels[1:], weights[1:], strict=True):
        total += channel * np.int32(round(weight * (1 << _FRACTION)))
    total += np.int32((2 * offset + 1) << (fraction - 1))
    total >>= fraction
    return total


def _luma_weights(matrix: yuv.Matrix) -> tuple[float, ...]:
    return tuple(each * yuv.LUMA_RANGE / 255 for each in (matrix.kr, matrix.kg, matrix.kb))


def _chroma_weights(matrix: yuv.Matrix) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """For Cb and Cr: the difference of blue or red and the luma, scaled to the range."""
    luma = (matrix.kr, matrix.kg, matrix.kb)

    def of(channel: int) -> tuple[float, ...]:
        scale = yuv.CHROMA_RANGE / 255 / (2 - 2 * luma[channel])
        return tuple(((index == channel) - weight) * scale for index, weight in enumerate(luma))

    return of(2), of(0)
