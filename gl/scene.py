"""The parts of a pass that are kept from frame to frame, as long as target and options are the same."""

from dataclasses import replace

from app.formats.fourcc import pixel_format
from app.formats.modifier import tile_of
from app.planes.frame import Frame
from app.planes.placement import Placement, place
from app.planes.plane import Plane
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Grid, Layer, Steps, Style
from gl.draw_options import DrawOptions, View
from gl.render_target import RenderTarget
from gl.shader_source import Channel
from gl.surface_cache import LoadedSurface

_CHANNELS = {
    View.RED: Channel.RED,
    View.GREEN: Channel.GREEN,
    View.BLUE: Channel.BLUE,
    View.ALPHA: Channel.ALPHA,
}
# Guest pixels of so many device pixels get a grid.
_GRID_SCALE = 8


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
        # By the surface, and whether its alpha is straight.
        self._cursors: dict[tuple[LoadedSurface, bool], Layer] = {}
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
            style = self._primary_style
            if self._options.view is View.TILES:
                tile = tile_pixels(primary.surface.plane)
                style = replace(style, grid=Grid(*tile, bold=True)) if tile is not None else style
            lower = self._compositor.layer(self._clip, image, style)
            self._primaries[primary] = lower
        if frame.cursor is None or cursor is None or cursor.image is None:
            return (*self._begin, *lower.move(0, 0), *self._compositor.end)
        plane = frame.cursor.plane
        key = (cursor, self._options.straight(plane))
        upper = self._cursors.get(key)
        if upper is None:
            style = replace(self._cursor_style, straight=key[1])
            upper = self._cursors[key] = self._compositor.layer(self._clip, cursor.image, style)
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
            zoom=options.zoom,
        )
        self._clip = ClipSpace(self._target, self.placement)
        zoomed = min(self.placement.scale_x, self.placement.scale_y) >= _GRID_SCALE
        grid = Grid(1, 1, bold=False) if options.pixel_grid and zoomed else None
        # Between the lines of the grid each pixel has one colour.
        smooth = options.smooth and not self.placement.whole and grid is None
        channel = _CHANNELS.get(options.view)
        shows_alpha = channel is Channel.ALPHA
        self._primary_style = Style(
            opaque=True,
            smooth=smooth,
            matrix=options.matrix,
            checkered=options.checkerboard and not shows_alpha,
            channel=channel,
            grid=grid,
        )
        self._cursor_style = Style(
            blend=True,
            smooth=smooth,
            outline=None if shows_alpha else options.cursor_outline,
            matrix=options.matrix,
            channel=channel,
        )


def tile_pixels(plane: Plane) -> tuple[float, float] | None:
    """Width and height of the plane's tiles in pixels; None if it is linear or its tiles are not known."""
    format_ = pixel_format(plane.fourcc)
    tile = tile_of(plane.modifier, format_.bytes_per_pixel) if format_ is not None else None
    if format_ is None or tile is None:
        return None
    return (tile.width_bytes / format_.bytes_per_pixel, float(tile.height))
