"""How a frame is drawn: what the user of a viewer can choose."""

from dataclasses import dataclass
from enum import Enum

from app.formats import yuv
from app.planes.placement import WHOLE_PICTURE, Rotation, Scaling, Zoom
from app.planes.plane import Plane
from gl.compositor import Colour


class View(Enum):
    """What of the picture is shown. Captures are not affected."""

    NORMAL = "normal"
    RED = "red"
    """One channel of the composite as grey."""
    GREEN = "green"
    BLUE = "blue"
    ALPHA = "alpha"
    """The alpha of each plane as grey: white is opaque. The cursor's image replaces what is below. An outline of it is
    not drawn."""
    TILES = "tiles"
    """Lines at the borders of the primary plane's tiles; none if its modifier has no tiles that are known."""
    DIFFERENCE = "difference"
    """The amplified difference of the primary plane to the frame before, without the cursor (:mod:`gl.difference`)."""


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """How a frame is drawn. Colours are red, green, blue from 0 to 1. ``zoom`` does not affect captures.

    ``smooth`` filters linearly where a guest pixel does not cover whole device pixels. ``straight_alpha`` is for
    guests whose cursor has no premultiplied colours, although its plane does not say so. ``cursor_outline`` is the
    colour of a line around the cursor's shape. ``matrix`` is how YUV planes are decoded: no driver reports which one
    the guest uses. It has no effect where EGL decodes the plane (with BT.601). ``tear_free`` composes from a copy
    (:mod:`gl.private_copy`).

    The others are for inspection. ``checkerboard`` is seen through transparent pixels of a primary plane with alpha,
    whose colours are premultiplied; else such a plane is drawn as if it were opaque. ``pixel_grid`` draws lines between
    guest pixels, unfiltered, where each is at least eight device pixels wide and high.
    """

    scaling: Scaling = Scaling.FIT
    zoom: Zoom = WHOLE_PICTURE
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
    view: View = View.NORMAL
    checkerboard: bool = False
    pixel_grid: bool = False

    def straight(self, cursor: Plane) -> bool:
        """Whether the colours of this cursor plane are not multiplied with alpha."""
        return self.straight_alpha or cursor.straight_alpha
