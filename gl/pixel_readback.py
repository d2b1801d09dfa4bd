"""Reads single pixels of the frame that was drawn last as the GPU sees them: 8 bits a channel.

Each read waits for the GPU, so it is for a person who looks at pixels, not for every frame.
"""

from app.planes.frame import Frame
from app.planes.placement import Rect, place
from app.planes.plane import PlaneKind
from gl import api
from gl.canvas import Canvas, Rgba
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Style, run_steps
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from gl.renderer import Renderer

_PlacedImage = tuple[Image, Style, int, int]


class PixelReadback:
    """Owns a framebuffer, but not the renderer, whose context must be current for every call.

    Binds the framebuffer again that was bound before.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._compositor = Compositor(renderer.context)
        self._canvas: Canvas | None = None

    def composite(self, frame: Frame, options: DrawOptions, left: int, top: int, size: int) -> Rgba:
        """``size`` x ``size`` pixels of the frame, shape (size, size, 4): its true colours in every view.

        What lies outside the primary plane has alpha 0, all else has alpha 255. Raises :class:`GlError`.
        """
        images: list[_PlacedImage] = []
        primary = self._renderer.drawn_image(PlaneKind.PRIMARY)
        cursor = self._renderer.drawn_image(PlaneKind.CURSOR)
        if primary is not None:
            images.append((primary, Style(opaque=True, matrix=options.matrix), -left, -top))
            if cursor is not None and frame.cursor is not None:
                plane = frame.cursor.plane
                style = Style(blend=True, straight=options.straight(plane), matrix=options.matrix)
                images.append((cursor, style, plane.x - left, plane.y - top))
        pixels = self._read(images, size)
        if primary is not None:
            # Parts of the cursor outside the primary plane are not visible.
            rows = slice(max(0, -top), max(0, min(size, primary.height - top)))
            columns = slice(max(0, -left), max(0, min(size, primary.width - left)))
            visible = pixels[rows, columns].copy()
            pixels[...] = 0
            pixels[rows, columns] = visible
        return pixels

    def plane(self, kind: PlaneKind, options: DrawOptions, x: int, y: int) -> tuple[int, int, int, int] | None:
        """Red, green, blue and alpha of a plane's pixel; None if the plane was not drawn. Raises :class:`GlError`."""
        image = self._renderer.drawn_image(kind)
        if image is None:
            return None
        red, green, blue, alpha = self._read([(image, Style(matrix=options.matrix), -x, -y)], 1)[0, 0].tolist()
        return (red, green, blue, alpha)

    def _read(self, images: list[_PlacedImage], size: int) -> Rgba:
        context = self._renderer.context
        bound = context.gl.integer(api.GL_FRAMEBUFFER_BINDING)
        try:
            canvas = self._canvas_of(size)
            target = RenderTarget(size, size, canvas.framebuffer, top_down=True)
            clip = ClipSpace(target, place((size, size), Rect(0, 0, size, size)))
            run_steps(self._compositor.begin(target, (0.0, 0.0, 0.0, 0.0)))
            for image, style, left, top in images:
                run_steps(self._compositor.layer(clip, image, style).move(left, top))
            run_steps(self._compositor.end)
            context.gl.check("drawing pixels to read")
            return canvas.read()[:size, :size]
        finally:
            context.gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)

    def _canvas_of(self, size: int) -> Canvas:
        canvas = self._canvas
        if canvas is None or canvas.width < size:
            self._release_canvas()
            canvas = self._canvas = Canvas(self._renderer.context, size, size)
        return canvas

    def _release_canvas(self) -> None:
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            canvas.release()
            self._renderer.context.sweep()

    def release(self) -> None:
        """Delete what this owns; more calls do nothing."""
        self._release_canvas()
        self._compositor.release()
