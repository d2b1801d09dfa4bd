"""The guest's cursor: its image and its path."""

import math
from functools import cache

import numpy as np

from app.formats.decode import Rgba
from app.sim.guest.drawing import Mask

# Cursor planes of i915 are square, 64, 128 or 256 pixels.
SIZE = 64

# The arrow's tip in the image.
TIP = (4, 3)

# The arrow's corners relative to the tip, in pixels.
_ARROW = ((0, 0), (0, 18.5), (4.3, 14.6), (7.3, 21.4), (10.5, 20.0), (7.5, 13.4), (13.2, 13.2))
_OUTLINE = 1.4
_SHADOW_OFFSET = (1.5, 2.5)
_SHADOW_REACH = 3.5

_REFRESH_HZ = 60.0
_PERIODS_S = (11.0, 7.0)


@cache
def cursor_image() -> Rgba:
    """A white arrow with a dark rim and a soft shadow, premultiplied, shape (64, 64, 4), read-only."""
    body = _distances(0, 0)
    white = np.clip(0.5 - body, 0, 1)
    arrow = np.clip(0.5 + _OUTLINE - body, 0, 1)
    near = np.clip((_SHADOW_REACH - _distances(*_SHADOW_OFFSET)) / (2 * _SHADOW_REACH), 0, 1)
    shadow = near * near * (3 - 2 * near) * 0.5 * (1 - arrow)
    image = np.zeros((SIZE, SIZE, 4), np.float32)
    image[..., :3] = (white * 255 + (arrow - white) * 18)[..., np.newaxis]
    image[..., 3] = (arrow + shadow) * 255
    result: Rgba = (image + 0.5).astype(np.uint8)
    result.flags.writeable = False
    return result


def _distances(right: float, down: float) -> Mask:
    """The distance of each pixel's centre to the moved arrow, negative inside, shape (64, 64)."""
    y, x = np.mgrid[:SIZE, :SIZE] + np.float32(0.5)
    x, y = x - TIP[0] - right, y - TIP[1] - down
    nearest = np.full(x.shape, np.inf, np.float32)
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(_ARROW, _ARROW[1:] + _ARROW[:1], strict=True):
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
        if y0 != y1:
            crosses = ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
            inside ^= crosses
    return np.where(inside, -nearest, nearest).astype(np.float32)


def cursor_position(now_ns: int, fps: float, width: int, height: int) -> tuple[int, int]:
    """The top-left corner of the image; may be negative. The tip follows a Lissajous curve that touches the edges.

    The cursor moves at the guest's refresh rate: ``fps``, but at least 60 Hz. With fps 0 it does not move.
    """
    rate = _rate(fps)
    seconds = math.floor(now_ns * rate / 1e9) / rate if rate else 0.0
    tips = []
    for edge, period, phase in zip((width, height), _PERIODS_S, (0.35, 0.2), strict=True):
        tips.append(round((edge - 1) * (0.5 + 0.5 * math.sin(2 * math.pi * seconds / period + phase))))
    return tips[0] - TIP[0], tips[1] - TIP[1]


def next_move_ns(now_ns: int, fps: float) -> int:
    """When the cursor moves next; ``fps`` is not 0."""
    rate = _rate(fps)
    return max(now_ns + 1, math.ceil((math.floor(now_ns * rate / 1e9) + 1) / rate * 1e9))


def _rate(fps: float) -> float:
    return max(fps, _REFRESH_HZ) if fps else 0.0
