"""The guest's pointer: its image in the cursor plane and the path it moves along."""

import math
from functools import cache

import numpy as np

from app.formats.decode import Rgba

# Cursor planes of i915 are square, 64, 128 or 256 pixels.
SIZE = 64

# Where in the image the arrow's tip is.
TIP = (2, 2)

_REFRESH_HZ = 60.0
_PERIODS_S = (11.0, 7.0)


@cache
def pointer_image() -> Rgba:
    """The arrow, premultiplied, shape (64, 64, 4); the rest is transparent. Do not write to it."""
    image = np.zeros((SIZE, SIZE, 4), np.uint8)
    for y in range(20):
        image[TIP[1] + y, TIP[0] : TIP[0] + max(1, 13 * y // 20)] = (255, 255, 255, 255)
    image.flags.writeable = False
    return image


def pointer_place(now_ns: int, fps: float, width: int, height: int) -> tuple[int, int]:
    """Top-left corner of the image (it may be negative); the tip follows a Lissajous curve that touches the edges.

    The pointer moves with the guest's refresh: ``fps``, at least 60 Hz. With fps 0 it stands still.
    """
    rate = max(fps, _REFRESH_HZ) if fps else 0.0
    seconds = math.floor(now_ns * rate / 1e9) / rate if rate else 0.0
    tips = []
    for edge, period, phase in zip((width, height), _PERIODS_S, (0.35, 0.2), strict=True):
        tips.append(round((edge - 1) * (0.5 + 0.5 * math.sin(2 * math.pi * seconds / period + phase))))
    return tips[0] - TIP[0], tips[1] - TIP[1]
