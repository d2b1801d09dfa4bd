"""Looks at a part of the picture as the GPU draws it: for buffers that the CPU cannot read, or that are tiled."""

import numpy as np

from app.planes.frame import Surface
from app.planes.picture_region import PictureRegion
from app.planes.placement import Rect, place
from gl.canvas import Canvas, Rgba
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Layer, Style, run_steps
from gl.render_target import RenderTarget
from gl.renderer import Renderer


class DrawnRegionLooks:
    """As :class:`app.planes.picture_region.MappedRegionLooks`, but by a draw that is read back, one pixel for one.

    Each look waits for the GPU. Owns a framebuffer of the region's size, but not the renderer, whose context must be
    current for every call.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._compositor = Compositor(renderer.context)
        self._canvas: Canvas | None = None
        self._layer: tuple[Image, Layer] | None = None
        self._layout: tuple[object, ...] = ()
        self._seen: Rgba | None = None

    def changed(self, surface: Surface, region: PictureRegion) -> bool:
        """As there. Raises :class:`GlError`, and ValueError if the plane cannot be drawn now."""
        image = self._renderer.image(surface)
        if image is None:
            raise ValueError("the plane cannot be drawn")
        pixels = self._read(image, region)
        layout = (surface.plane.import_key, region)
        before, seen = self._layout, self._seen
        self._layout, self._seen = layout, pixels
        if seen is None or before != layout:
            return seen is not None
        return not np.array_equal(pixels.view(np.uint32), seen.view(np.uint32))

    def _read(self, image: Image, region: PictureRegion) -> Rgba:
        canvas = self._canvas_for(region)
        target = RenderTarget(canvas.width, canvas.height, canvas.framebuffer, top_down=True)
        if self._layer is None or self._layer[0] is not image:
            size = (canvas.width, canvas.height)
            clip = ClipSpace(target, place(size, Rect(0, 0, *size)))
            self._layer = (image, self._compositor.layer(clip, image, Style(opaque=True)))
        run_steps(self._compositor.begin(target, (0.0, 0.0, 0.0, 1.0)))
        run_steps(self._layer[1].move(-region.x, -region.y))
        run_steps(self._compositor.end)
        return canvas.read()

    def _canvas_for(self, region: PictureRegion) -> Canvas:
        canvas = self._canvas
        if canvas is None or (canvas.width, canvas.height) != (region.width, region.height):
            self._release_canvas()
            canvas = self._canvas = Canvas(self._renderer.context, region.width, region.height)
        return canvas

    def _release_canvas(self) -> None:
        self._layer = None
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            canvas.release()

    def release(self) -> None:
        """Delete what this owns, with the context current; more calls do nothing."""
        self._release_canvas()
        self._compositor.release()
