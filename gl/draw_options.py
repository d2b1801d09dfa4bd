"""How a frame is drawn, as its viewer wants it."""

from dataclasses import dataclass

from app.formats import yuv
from app.planes.placement import Rotation, Scaling
from gl.compositor import Colour


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """``smooth`` filters linearly where a guest pixel does not cover whole device pixels.

    ``straight_alpha`` is for guests whose cursor is not premultiplied. ``cursor_outline`` is the colour of a line
    around the cursor's shape. Colours are red, green, blue in 0..1. ``matrix`` is how YUV planes are decoded; no
    driver tells which one the guest meant. It has no effect where only EGL could decode the plane (BT.601 then).
    """

    scaling: Scaling = Scaling.FIT
    smooth: bool = True
    flip_x: bool = False
    flip_y: bool = False
    rotation: Rotation = Rotation.NONE
    cursor: bool = True
    straight_alpha: bool = False
    cursor_outline: Colour | None = None
    background: Colour = (0.0, 0.0, 0.0)
    matrix: yuv.Matrix = yuv.Matrix.BT601
