"""The guest's desktop without anything that moves, drawn once per mode."""

import numpy as np

from app.formats.decode import Rgba
from app.sim.guest.canvas import Rect, colour, fill


def draw_desktop(width: int, height: int) -> Rgba:
    """The desktop, opaque, shape (height, width, 4)."""
    rgba = np.empty((height, width, 4), np.uint8)
    fill(rgba, Rect(0, 0, width, height), colour("28406a"))
    return rgba
