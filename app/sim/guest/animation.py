"""The moving parts of the desktop. They change with every flip, in few and small rectangles.

They are a vertical beam over the full height, in which tearing is visible, a tile that bounces, and a counter.
"""

import numpy as np

from app.formats.decode import Rgba
from app.sim.guest.desktop import Desktop
from app.sim.guest.drawing import PixelRect, rounded, tint
from app.sim.guest.glyphs import draw_text

_BEAM = "bfe3ff"


class Animation:
    """The moving parts of a desktop. Their positions depend only on the number of the flip."""

    def __init__(self, desktop: Desktop) -> None:
        self._height, self._width, _ = desktop.rgba.shape
        self._unit = desktop.unit
        self._counter = desktop.counter
        self._beam = max(3, min(16, self._width // 160))
        # Opaque in the middle, so that tearing shows sharp edges, and half transparent at the sides.
        across = np.abs(np.arange(self._beam) + 0.5 - self._beam / 2) / (self._beam / 2)
        self._light = np.where(across < 0.4, 0.95, 0.45).astype(np.float32)
        self._edge = max(6, min(self._width, self._height) // 14)
        self._tile = rounded(self._edge, self._edge, self._edge / 5)
        hole = self._edge - 2 * (self._edge // 4)
        self._hole = rounded(hole, hole, hole / 2)

    def rects(self, flip: int) -> list[PixelRect]:
        """The rectangles in which flip number ``flip`` may differ from the bare desktop. None is empty."""
        each = (self._beam_at(flip), self._tile_at(flip), self._counter)
        inside = (rect.clipped(self._width, self._height) for rect in each)
        return [rect for rect in inside if rect]

    def draw(self, flip: int, patch: Rgba, left: int, top: int) -> None:
        """Draw the flip's part inside ``patch``, a piece of the desktop whose top-left corner is at (left, top)."""
        height, width, _ = patch.shape
        here = PixelRect(left, top, left + width, top + height)
        if self._counter & here:
            counter = self._counter.moved(-left, -top)
            draw_text(patch, counter.left, counter.top, f"frame {flip % 10_000_000:07d}", "e6e9f5", self._unit)
        tile = self._tile_at(flip)
        if tile & here:
            self._draw_tile(patch, tile.moved(-left, -top))
        beam = self._beam_at(flip)
        if beam & here:
            tint(patch, beam.moved(-left, -top), _BEAM, self._light[np.newaxis, :])

    def _beam_at(self, flip: int) -> PixelRect:
        left = (self._width * 11 // 20 + flip * self._beam) % self._width
        return PixelRect(left, 0, left + self._beam, self._height)

    def _tile_at(self, flip: int) -> PixelRect:
        """The tile moves back and forth on both axes, with steps that do not divide each other."""
        steps = (2 * self._unit + 1, 2 * self._unit - 1)
        starts = (self._width * 3 // 4, self._height * 3 // 5)
        rooms = (self._width - self._edge - 2, self._height - self._edge - 2)
        place = [
            1 + _bounce(start + flip * step, max(1, room))
            for start, step, room in zip(starts, steps, rooms, strict=True)
        ]
        return PixelRect(place[0], place[1], place[0] + self._edge, place[1] + self._edge)

    def _draw_tile(self, patch: Rgba, place: PixelRect) -> None:
        tint(patch, place, "ff9f5a", self._tile)
        tint(patch, place.inset(self._edge // 4), "fff4e0", self._hole)


def _bounce(distance: int, room: int) -> int:
    """The position after ``distance`` on a way that turns back at 0 and at ``room``."""
    position = distance % (2 * room)
    return position if position <= room else 2 * room - position
