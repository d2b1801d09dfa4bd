"""The parts of a pass that are kept from frame to frame, as long as target and options are the same."""

from app.planes.frame import Frame
from app.planes.placement import Placement, place
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Layer, Steps, Style
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from gl.surface_cache import LoadedSurface


class Scene:
    """Keeps one layer for each surface that it drew, so that a flip between known buffers only combines parts."""

    def __init__(self, compositor: Compositor, target: RenderTarget, options: DrawOptions) -> None:
        self._compositor = compositor
        self._target = target
        self._options = options
        self._begin = compositor.begin(target, (*options.background, 1.0))
        self._clip: ClipSpace | None = None
        self._primary_style = Style()
        self._cursor_style = Style()
        self._primaries: dict[LoadedSurface, Layer] = {}
        self._cursors: dict[LoadedSurface, Layer] = {}
        self.placement: Placement | None = None

    def drop_layers(self) -> None:
        """Drop the layers, because their textures were deleted."""
        self._primaries.clear()
        self._cursors.clear()

    def steps(self, frame: Frame, primary: LoadedSurface | None, cursor: LoadedSurface | None) -> Steps:
        """The steps that draw the frame with these surfaces. Sets ``placement``. Raises :class:`ShaderError`."""
        if primary is None or primary.image is None:
            self.placement = None
            return self._begin
        image = primary.image
        placement = self.placement
        if placement is None or placement.guest_width != image.width or placement.guest_height != image.height:
            self._lay_out(image.width, image.height)
        assert self._clip
        lower = self._primaries.get(primary)
        if lower is None:
            lower = self._compositor.layer(self._clip, image, self._primary_style)
            self._primaries[primary] = lower
        if frame.cursor is None or cursor is None or cursor.image is None:
            return (*self._begin, *lower.move(0, 0), *self._compositor.end)
        upper = self._cursors.get(cursor)
        if upper is None:
            upper = self._compositor.layer(self._clip, cursor.image, self._cursor_style)
            self._cursors[cursor] = upper
        plane = frame.cursor.plane
        return (*self._begin, *lower.move(0, 0), *upper.move(plane.x, plane.y), *self._compositor.end)

    def _lay_out(self, width: int, height: int) -> None:
        options = self._options
        self.drop_layers()
        self.placement = place(
            (width, height),
            self._target.picture_area,
            options.scaling,
            flip_x=options.flip_x,
            flip_y=options.flip_y,
            rotation=options.rotation,
        )
        self._clip = ClipSpace(self._target, self.placement)
        smooth = options.smooth and not self.placement.whole
        self._primary_style = Style(opaque=True, smooth=smooth, matrix=options.matrix)
        self._cursor_style = Style(
            blend=True,
            straight=options.straight_alpha,
            smooth=smooth,
            outline=options.cursor_outline,
            matrix=options.matrix,
        )
