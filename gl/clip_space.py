"""Guest coordinates to OpenGL's clip space. Only this module knows which way rows run, in targets and in textures."""

import ctypes
import math

from app.planes.placement import Placement
from gl.render_target import RenderTarget

# What a slice of a ctypes array of floats takes.
Floats = list[ctypes.c_float | float]


class ClipSpace:
    """Converts guest coordinates to clip space (-1 to 1, upwards) for one target and one placement."""

    def __init__(self, target: RenderTarget, placement: Placement) -> None:
        self._visible = placement.visible
        x, y, ax, ay, dx, dy = placement.affine()
        # Device pixels for each guest pixel, along a row and down a column.
        self._scale = (math.hypot(ax, ay), math.hypot(dx, dy))
        across = 2 / target.width
        # Memory that is read back begins with the top row, a window with the bottom one.
        upward, start = (2 / target.height, -1) if target.top_down else (-2 / target.height, 1)
        self._affine = (
            x * across - 1,
            y * upward + start,
            ax * across,
            ay * upward,
            dx * across,
            dy * upward,
        )

    def guest_pixels(self, device_pixels: float) -> float:
        """How many guest pixels so many device pixels are, in the direction in which these are the most."""
        return device_pixels / min(self._scale)

    def quad(
        self, left: float, top: float, width: int, height: int, rim: float, *, y_inverted: bool = False
    ) -> Floats | None:
        """The quad of an image of ``width`` x ``height`` at ``left``, ``top``; None when it is not visible.

        These are the first ten numbers of ``u`` in :mod:`gl.shader_source`. The quad is larger than the image by
        ``rim`` pixels on each side, then cut to what is visible. ``y_inverted``: the texture's first row is the
        image's bottom one.
        """
        visible = self._visible
        first = max(left - rim, visible.left)
        last = min(left + width + rim, visible.right)
        upper = max(top - rim, visible.top)
        lower = min(top + height + rim, visible.bottom)
        if last <= first or lower <= upper:
            return None
        x, y, ax, ay, dx, dy = self._affine
        across, down = last - first, lower - upper
        texture_top, texture_down = (upper - top) / height, down / height
        if y_inverted:
            texture_top, texture_down = 1 - texture_top, -texture_down
        return [
            x + first * ax + upper * dx,
            y + first * ay + upper * dy,
            ax * across,
            ay * across,
            dx * down,
            dy * down,
            (first - left) / width,
            texture_top,
            across / width,
            texture_down,
        ]
