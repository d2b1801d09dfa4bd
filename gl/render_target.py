"""A framebuffer to draw into, and the part of it that is for the picture."""

from dataclasses import dataclass

from app.planes.placement import Rect


@dataclass(frozen=True, slots=True)
class RenderTarget:
    """A framebuffer's name and its size in device pixels.

    ``area`` is the part for the picture, with (0, 0) at the top-left; None means all of it. ``top_down``: the
    framebuffer's first row is the picture's top one, as in memory that is read back. In a window it is the bottom one.
    """

    width: int
    height: int
    framebuffer: int = 0
    area: Rect | None = None
    top_down: bool = False

    @property
    def picture_area(self) -> Rect:
        """The area for the picture."""
        return self.area or Rect(0, 0, self.width, self.height)
