"""A copy of the primary plane for the option *tear free*: the picture is composed from it and not from the buffer.

A guest may draw into the buffer that is on the screen. A composition that scales, filters or decodes reads the buffer
for as long as it takes, and may show a half drawn picture. The copy reads each texel once, which is the shortest time
that a GPU can read them in, and a fence makes the composition wait until the copy is complete.

The cost is that of one more picture in GPU memory and of one more draw: nothing to speak of for a GPU of its own, and
about as much as the composition itself where the CPU draws. So it is off by default: most guests flip between buffers,
and do not draw into the one on the screen. The copy has 8 bits a channel, as the window has.
"""

from dataclasses import replace

from app.formats.yuv import Matrix
from app.planes.placement import Rect, place
from gl import api
from gl.canvas import Canvas
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Steps, Style
from gl.context import Context
from gl.formats import Decode
from gl.render_target import RenderTarget
from gl.surface_cache import LoadedSurface

# A GPU that needs longer is busy with other work; the composition follows the copy in its queue anyway.
_PATIENCE_NS = 10_000_000


class PrivateCopy:
    """Owns the copy, which is made anew when the size of the picture changes. The context must be current."""

    def __init__(self, context: Context, compositor: Compositor) -> None:
        self._context = context
        self._compositor = compositor
        self._canvas: Canvas | None = None
        # By the surface and how it is decoded: what is drawn instead of it, and how that is filled.
        self._copies: dict[tuple[LoadedSurface, Matrix], tuple[LoadedSurface, Steps]] = {}

    def of(self, loaded: LoadedSurface, matrix: Matrix) -> tuple[LoadedSurface, Steps]:
        """What to draw instead of a surface, and the steps that fill it before. Raises :class:`GlError`."""
        image = loaded.image
        assert image is not None
        canvas = self._canvas
        if canvas is None or (canvas.width, canvas.height) != (image.width, image.height):
            self.release()
            canvas = self._canvas = Canvas(self._context, image.width, image.height)
        copy = self._copies.get((loaded, matrix))
        if copy is None:
            drawn = Image(canvas.texture, image.pixel_format, Decode.COLOUR, image.width, image.height)
            copy = (replace(loaded, image=drawn), self._steps(canvas, image, matrix))
            self._copies[loaded, matrix] = copy
        return copy

    def _steps(self, canvas: Canvas, image: Image, matrix: Matrix) -> Steps:
        size = (image.width, image.height)
        target = RenderTarget(*size, canvas.framebuffer, top_down=True)
        layer = self._compositor.layer(ClipSpace(target, place(size, Rect(0, 0, *size))), image, Style(matrix=matrix))
        begin = self._compositor.begin(target, (0.0, 0.0, 0.0, 1.0))
        return (*begin, *layer.move(0, 0), *self._compositor.end, (self._wait, ()))

    def _wait(self) -> int:
        gl = self._context.gl
        fence = gl.FenceSync(api.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        answer = gl.ClientWaitSync(fence, api.GL_SYNC_FLUSH_COMMANDS_BIT, _PATIENCE_NS)
        gl.DeleteSync(fence)
        return answer

    def forget(self) -> None:
        """Forget the surfaces: some of their textures were deleted."""
        self._copies.clear()

    def release(self) -> None:
        """Delete the copy; more calls do nothing."""
        self.forget()
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            canvas.release()
