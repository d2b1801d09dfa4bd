"""Draws into RGBA arrays of shape (height, width, 4), clipped at the edges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.formats.decode import Rgba

Packed = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.float32]

_BAND_PIXELS = 1 << 16


def colour_bytes(rrggbb: str) -> tuple[int, int, int]:
    """``"ff8000"`` as numbers."""
    red, green, blue = bytes.fromhex(rrggbb)
    return red, green, blue


def colour(rrggbb: str) -> int:
    """``"ff8000"`` as an opaque pixel of :func:`packed`."""
    red, green, blue = colour_bytes(rrggbb)
    return red | green << 8 | blue << 16 | 0xFF << 24


def packed(rgba: Rgba) -> Packed:
    """The same pixels as one 32-bit word each, shape (height, width)."""
    return rgba.view("<u4")[..., 0]


def ramp(count: int, *stops: tuple[float, str]) -> Packed:
    """A gradient of ``count`` opaque pixels through the colours ``(position from 0 to 1, rrggbb)``."""
    positions = np.linspace(0, 1, count, dtype=np.float32)
    places = [place for place, _ in stops]
    channels = zip(*(colour_bytes(each) for _, each in stops), strict=True)
    pixels = np.full((count, 4), 255, np.uint8)
    for index, values in enumerate(channels):
        pixels[:, index] = np.interp(positions, places, values) + 0.5
    return pixels.view("<u4")[:, 0]


@dataclass(frozen=True, slots=True)
class PixelRect:
    """The pixels from (left, top) inclusive to (right, bottom) exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def __bool__(self) -> bool:
        return self.left < self.right and self.top < self.bottom

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def __and__(self, other: "PixelRect") -> "PixelRect":
        return PixelRect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def __or__(self, other: "PixelRect") -> "PixelRect":
        """The smallest rectangle that covers both; neither is empty."""
        return PixelRect(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    @property
    def area(self) -> int:
        return self.width * self.height

    def clipped(self, width: int, height: int) -> "PixelRect":
        return self & PixelRect(0, 0, width, height)

    def moved(self, x: int, y: int) -> "PixelRect":
        return PixelRect(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def inset(self, by: int) -> "PixelRect":
        return PixelRect(self.left + by, self.top + by, self.right - by, self.bottom - by)

    def of(self, rgba: Rgba) -> Rgba:
        """The view of these pixels; the rectangle must lie inside."""
        return rgba[self.top : self.bottom, self.left : self.right]


def merged(rects: list[PixelRect]) -> list[PixelRect]:
    """Rectangles that cover the same pixels and perhaps some more, with fewer pixels in all."""
    kept: list[PixelRect] = []
    for rect in rects:
        for number, other in enumerate(kept):
            both = rect | other
            if both.area <= rect.area + other.area:
                kept[number] = both
                break
        else:
            kept.append(rect)
    return kept


def fill(rgba: Rgba, rect: PixelRect, pixels: int | Packed) -> None:
    """Set every pixel of ``rect``; an array must broadcast to its shape before clipping."""
    height, width, _ = rgba.shape
    inside = rect.clipped(width, height)
    if not inside:
        return
    if not isinstance(pixels, int):
        whole = np.broadcast_to(pixels, (rect.height, rect.width))
        pixels = whole[inside.top - rect.top :, inside.left - rect.left :][: inside.height, : inside.width]
    packed(inside.of(rgba))[...] = pixels


def tint(rgba: Rgba, rect: PixelRect, rrggbb: str, amount: Mask | float) -> None:
    """Mix a colour in: ``amount`` from 0 (nothing) to 1, a number or a mask that broadcasts to ``rect``.

    ``rgba`` must be contiguous.
    """
    height, width, _ = rgba.shape
    inside = rect.clipped(width, height)
    if not inside:
        return
    mask = np.atleast_2d(np.asarray(amount, np.float32))
    rows = slice(inside.top - rect.top, inside.bottom - rect.top) if mask.shape[0] > 1 else slice(None)
    columns = slice(inside.left - rect.left, inside.right - rect.left) if mask.shape[1] > 1 else slice(None)
    # The channels of a row are one axis, because numpy is faster with long inner loops. 255 * 256 fits into 16 bits.
    weight = (mask[rows, columns] * 256 + 0.5).astype(np.uint16).repeat(4, axis=1)
    if mask.shape[1] == 1:
        weight = weight[:, :1]
    assert rgba.flags.c_contiguous
    target = rgba.reshape(height, width * 4)[inside.top : inside.bottom, inside.left * 4 : inside.right * 4]
    ink = np.tile(np.array((*colour_bytes(rrggbb), 255), np.uint16), inside.width)
    added, kept = ink * weight + 128, 256 - weight
    # In bands that fit the CPU cache.
    band = max(1, _BAND_PIXELS // inside.width)
    for top in range(0, inside.height, band):
        part = slice(top, top + band) if weight.shape[0] > 1 else slice(None)
        mixed = target[top : top + band] * kept[part]
        mixed += added[part]
        mixed >>= 8
        target[top : top + band] = mixed


def blend(rgba: Rgba, left: int, top: int, image: Rgba) -> None:
    """Put ``image`` (premultiplied alpha) over the picture with its corner at (left, top): s + d * (1 - a)."""
    height, width, _ = rgba.shape
    place = PixelRect(left, top, left + image.shape[1], top + image.shape[0])
    inside = place.clipped(width, height)
    if not inside:
        return
    source = image[inside.top - top : inside.bottom - top, inside.left - left : inside.right - left]
    target = inside.of(rgba)
    rest = (255 - source[..., 3:]).astype(np.uint16)
    kept = target * rest + 127
    target[...] = source + (kept // 255).astype(np.uint8)


def rounded(width: int, height: int, radius: float) -> Mask:
    """The coverage of each pixel, 0 to 1, by a rectangle with round corners; shape (height, width)."""
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    outside = np.hypot(np.maximum(x, 0)[np.newaxis, :], np.maximum(y, 0)[:, np.newaxis])
    mask: Mask = np.clip(radius + 0.5 - outside, 0, 1).astype(np.float32)
    return mask
