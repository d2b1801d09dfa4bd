"""Drawing into RGBA arrays of shape (height, width, 4), clipped at the edges, one 32-bit store per pixel."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.formats.decode import Rgba

Packed = npt.NDArray[np.uint32]


def colour(text: str) -> int:
    """``"rrggbb"`` as an opaque pixel of :func:`packed`."""
    red, green, blue = bytes.fromhex(text)
    return red | green << 8 | blue << 16 | 0xFF << 24


def packed(rgba: Rgba) -> Packed:
    """The same pixels as one 32-bit word each, shape (height, width)."""
    return rgba.view("<u4")[..., 0]


@dataclass(frozen=True, slots=True)
class Rect:
    """Pixels from (left, top) up to but without (right, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    def __bool__(self) -> bool:
        return self.left < self.right and self.top < self.bottom

    def clipped(self, width: int, height: int) -> "Rect":
        return self & Rect(0, 0, width, height)

    def __and__(self, other: "Rect") -> "Rect":
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def of(self, rgba: Rgba) -> Rgba:
        """The view of these pixels; the rectangle must lie inside."""
        return rgba[self.top : self.bottom, self.left : self.right]


def fill(rgba: Rgba, rect: Rect, pixel: int) -> None:
    """Set every pixel of ``rect``."""
    height, width, _ = rgba.shape
    inside = rect.clipped(width, height)
    if inside:
        packed(inside.of(rgba))[...] = pixel


def blend(rgba: Rgba, left: int, top: int, image: Rgba) -> None:
    """Put ``image`` (premultiplied alpha) over the picture with its corner at (left, top): s + d * (1 - a)."""
    height, width, _ = rgba.shape
    place = Rect(left, top, left + image.shape[1], top + image.shape[0])
    inside = place.clipped(width, height)
    if not inside:
        return
    source = image[inside.top - top : inside.bottom - top, inside.left - left : inside.right - left]
    target = inside.of(rgba)
    rest = (255 - source[..., 3:]).astype(np.uint16)
    kept = target * rest + 127
    target[...] = source + (kept // 255).astype(np.uint8)
