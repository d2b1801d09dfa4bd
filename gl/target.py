"""What is drawn into, and the one place where guest coordinates become clip space."""

import ctypes
from dataclasses import dataclass

from app.planes.placement import Placement, Rect

# What a slice of a ctypes array of floats takes.
Floats = list[ctypes.c_float | float]


@dataclass(frozen=True, slots=True)
class Target:
    """A framebuffer's name and its size in device pixels.

    ``area`` is the part for the picture, with (0, 0) at the top-left; None means all of it. ``top_down`` tells that
    the framebuffer's first row is the picture's top one: so in memory that will be read back, not in windows.
    """

    width: int
    height: int
    framebuffer: int = 0
    area: Rect | None = None
    top_down: bool = False

    @property
    def picture_area(self) -> Rect:
        """Where the picture may lie."""
        return self.area or Rect(0, 0, self.width, self.height)


class ClipSpace:
    """From guest coordinates to clip space (-1 to 1, upwards) for one target and one layout."""

    def __init__(self, target: Target, layout: Placement) -> None:
        self._visible = layout.visible
        x, y, ax, ay, dx, dy = layout.affine()
        across = 2 / target.width
        # Memory to be read back has its first row on top, a window its last.
        upward, start = (2 / target.height, -1) if target.top_down else (-2 / target.height, 1)
        self._affine = (
            x * across - 1,
            y * upward + start,
            ax * across,
            ay * upward,
            dx * across,
            dy * upward,
        )

    def quad(self, left: float, top: float, width: int, height: int, rim: int) -> Floats | None:
        """An image of ``width`` x ``height`` at ``left``, ``top``: the first ten numbers of ``u`` in :mod:`gl.shaders`.

        It is grown by ``rim`` pixels on each side, then cut to what is visible; None when nothing is.
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
        return [
            x + first * ax + upper * dx,
            y + first * ay + upper * dy,
            ax * across,
            ay * across,
            dx * down,
            dy * down,
            (first - left) / width,
            (upper - top) / height,
            across / width,
            down / height,
        ]
