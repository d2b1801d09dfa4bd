"""What moves on the desktop with every flip, in few and small rectangles."""

from app.formats.decode import Rgba
from app.sim.guest.canvas import Rect, colour, fill


class Motion:
    """The moving parts of a desktop of ``width`` x ``height`` pixels; everything follows from the flip's number."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._bar = max(2, min(16, width // 240))

    def rects(self, flip: int) -> list[Rect]:
        """Where flip number ``flip`` differs from the bare desktop; inside the picture, none empty."""
        left = flip * self._bar % self._width
        bar = Rect(left, 0, left + self._bar, self._height)
        return [each for each in (bar.clipped(self._width, self._height),) if each]

    def draw(self, flip: int, patch: Rgba, left: int, top: int) -> None:
        """Draw what of that flip falls into ``patch``, a piece of the desktop whose corner is at (left, top)."""
        for rect in self.rects(flip):
            moved = Rect(rect.left - left, rect.top - top, rect.right - left, rect.bottom - top)
            fill(patch, moved, colour("ffffff"))
