"""How the user wants the picture drawn."""

from dataclasses import dataclass

from app.formats.yuv import Matrix
from app.planes.placement import WHOLE_PICTURE, Rotation, Scaling, Zoom
from gl.draw_options import DrawOptions, View

# Visible on any picture, and no colour of a guest's desktop.
_OUTLINE = (1.0, 0.2, 0.8)


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """``smooth`` scales with linear filtering; ``straight_alpha`` is for guests whose cursor is not premultiplied.

    ``matrix`` decodes YUV planes. ``tear_free`` composes from a copy of the picture (:mod:`gl.private_copy`).
    ``view``, ``checkerboard`` and ``pixel_grid`` are for inspection (:class:`gl.draw_options.DrawOptions`); the next
    window does not get them.
    """

    scaling: Scaling = Scaling.FIT
    smooth: bool = True
    flip_x: bool = False
    flip_y: bool = False
    rotation: Rotation = Rotation.NONE
    cursor_outline: bool = False
    straight_alpha: bool = False
    matrix: Matrix = Matrix.BT601
    tear_free: bool = False
    view: View = View.NORMAL
    checkerboard: bool = False
    pixel_grid: bool = False

    @property
    def inspection(self) -> tuple[View, bool]:
        """What the user was told of when it was chosen: the view, and whether the checkerboard is shown."""
        return self.view, self.checkerboard

    def draw_options(self, zoom: Zoom = WHOLE_PICTURE) -> DrawOptions:
        """In the renderer's terms. ``zoom`` is no option of the view, because it is of this picture only."""
        return DrawOptions(
            scaling=self.scaling,
            zoom=zoom,
            smooth=self.smooth,
            flip_x=self.flip_x,
            flip_y=self.flip_y,
            rotation=self.rotation,
            straight_alpha=self.straight_alpha,
            cursor_outline=_OUTLINE if self.cursor_outline else None,
            matrix=self.matrix,
            tear_free=self.tear_free,
            view=self.view,
            checkerboard=self.checkerboard,
            pixel_grid=self.pixel_grid,
        )
