"""The wallpaper: hills at dusk. It is drawn in whole rows and columns, so that an 8K picture takes little time."""

from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from app.formats.decode import Rgba
from app.sim.guest.drawing import PixelRect, colour, colour_bytes, packed, ramp, rounded, tint

_SKY = (
    (0.0, "0a1230"),
    (0.25, "1f2157"),
    (0.45, "4a2f76"),
    (0.6, "a2477f"),
    (0.7, "e77a6d"),
    (0.78, "ffb870"),
    (1.0, "ffd9a0"),
)

# For each range of hills, farthest first: mean height of the crest, roughness, waves per width, colours.
_HILLS = (
    (0.70, 0.045, 1.3, "83407f", "c9657c"),
    (0.76, 0.040, 2.1, "57306f", "8d4576"),
    (0.82, 0.035, 1.7, "33235a", "552f68"),
    (0.89, 0.030, 2.9, "171738", "2a2150"),
)


def draw_wallpaper(rgba: Rgba) -> None:
    """Fill the picture."""
    packed(rgba)[...] = ramp(rgba.shape[0], *_SKY)[:, np.newaxis]
    _stars(rgba)
    _sun(rgba)
    for crest, roughness, waves, far, near in _HILLS:
        _hill(rgba, crest, roughness, waves, far, near)


def _stars(rgba: Rgba) -> None:
    height, width, _ = rgba.shape
    # Not numpy's random numbers: their import takes 6 MiB.
    random = Random(2102)
    stars = range(40 + width // 16)
    x = np.array([random.randrange(width) for _ in stars])
    y = np.array([int(random.random() ** 1.6 * height * 0.42) for _ in stars])
    light = np.array([random.randrange(110, 250) for _ in stars])
    packed(rgba)[y, x] = light | light << 8 | 0xFF << 16 | 0xFF << 24


def _sun(rgba: Rgba) -> None:
    height, width, _ = rgba.shape
    x, y, radius = int(width * 0.71), int(height * 0.66), int(height * 0.075)
    reach = radius * 9 // 2
    # The hills cover what is below.
    bottom = int(height * 0.75) - y
    across = np.arange(-reach, reach, dtype=np.float32) + np.float32(0.5)
    down = np.arange(-reach, bottom, dtype=np.float32) + np.float32(0.5)
    distance = across[np.newaxis, :] ** 2 + down[:, np.newaxis] ** 2
    glow = (1 - distance / np.float32(reach**2)).astype(np.float32, copy=False)
    np.maximum(glow, 0, out=glow)
    glow *= glow * glow * np.float32(0.6)
    tint(rgba, PixelRect(x - reach, y - reach, x + reach, y + bottom), "ffd08a", glow)
    disc = PixelRect(x - radius, y - radius, x + radius, y + radius)
    tint(rgba, disc, "fff3d6", rounded(disc.width, disc.height, radius))


def _hill(rgba: Rgba, crest: float, roughness: float, waves: float, far: str, near: str) -> None:
    height, width, _ = rgba.shape
    across = np.linspace(0, 2 * np.pi * waves, width, dtype=np.float32)
    shape = np.sin(across + crest * 40) + 0.45 * np.sin(across * 2.3 + 1) + 0.2 * np.sin(across * 5.1 + 2)
    crests = height * (crest - roughness * shape / 1.65)
    tops = np.ceil(crests).astype(np.intp)
    first, last = int(tops.min()), min(height, int(tops.max()))
    shades = ramp(height - first, (0.0, far), (1.0, near))[:, np.newaxis]
    pixels = packed(rgba)
    ridge = np.arange(first, last)[:, np.newaxis] >= tops[np.newaxis, :]
    np.copyto(pixels[first:last], shades[: last - first], where=ridge)
    pixels[last:] = shades[last - first :]
    _soften(rgba, tops - 1, tops - crests, far)


def _soften(rgba: Rgba, rows: npt.NDArray[np.intp], cover: npt.NDArray[np.floating[Any]], shade: str) -> None:
    """Draw the pixels that a crest covers in part."""
    columns = np.arange(rgba.shape[1])
    sky = rgba[rows, columns, :3].astype(np.float32)
    ink = np.array(colour_bytes(shade), np.float32)
    rgba[rows, columns, :3] = sky + (ink - sky) * cover[:, np.newaxis].astype(np.float32) + np.float32(0.5)


def draw_diagonal(rgba: Rgba) -> None:
    """A line of one pixel from the top left to the bottom right corner, which a wrong stride breaks."""
    height, width, _ = rgba.shape
    steps = np.arange(max(width, height))
    packed(rgba)[steps * height // steps.size, steps * width // steps.size] = colour("ffffff")


def draw_edges(rgba: Rgba, unit: int) -> None:
    """A coloured line on each side and angles in the corners. They make cropping and mirroring visible."""
    height, width, _ = rgba.shape
    pixels = packed(rgba)
    sides = (("ff453a", pixels[0]), ("32d74b", pixels[:, -1]), ("0a84ff", pixels[-1]), ("ffd60a", pixels[:, 0]))
    for shade, side in sides:
        side[...] = colour(shade)
    arm, gap = 8 * unit, 2 + unit
    for left, right in ((gap, gap + arm), (width - gap - arm, width - gap)):
        for row in (gap, height - gap - 1):
            pixels[row, left:right] = colour("ffffff")
    for top, bottom in ((gap, gap + arm), (height - gap - arm, height - gap)):
        for column in (gap, width - gap - 1):
            pixels[top:bottom, column] = colour("ffffff")
