"""How a frame is drawn: what the user of a viewer can choose."""

from dataclasses import dataclass

from app.formats import yuv
from app.planes.placement import Rotation, Scaling
from gl.compositor import Colour


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """How a frame is drawn. Colours are red, green, blue from 0 to 1.

    ``smooth`` filters linearly where a guest pixel does not cover whole device pixels. ``straight_alpha`` is for
    guests whose cursor has no premultiplied colours. ``cursor_outline`` is the colour of a line around the cursor's
    shape. ``matrix`` is how YUV planes are decoded: no driver reports which one the guest uses. It has no effect
    where EGL decodes the plane (with BT.601). ``tear_free`` composes from a copy (:mod:`gl.private_copy`).
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
    tear_free: bool = False
