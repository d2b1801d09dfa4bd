"""Thumbnails: small pictures of many frame sources, drawn with one context and kept until the next one is drawn.

A thumbnail is a texture of its own. So a surface with many of them is put together again, for example while it
scrolls, without a look at any device; and a source that is gone leaves its last picture, but none of its buffers.
"""

import time
from collections.abc import Callable

from app.planes.frame import Frame
from app.planes.pixel_samples import Look
from gl import api
from gl.canvas import Canvas
from gl.compositor import Colour
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.egl_display import DisplayOrigin
from gl.render_target import RenderTarget
from gl.renderer import DrawResult, Renderer
from gl.shared_parts import SharedParts

# A linear filter reads two texels in each direction. If a picture becomes smaller than a half, it would skip some, and
# letters would break up. So such a picture is drawn at twice the size first, and then halved.
_OVERSAMPLED = 2
# A CPU that draws takes three to five times as long for that, so there only a picture is that becomes much smaller.
_MUCH_SMALLER = 4


class Thumbnails:
    """What all thumbnails of one context share. The context must be current for every call here and of a thumbnail."""

    def __init__(self, context: Context, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.context = context
        self._clock = clock
        self._parts = SharedParts(context, clock)
        self._scratch: Canvas | None = None

    def add(self) -> "Thumbnail":
        """A thumbnail without a picture. The caller releases it before this."""
        return Thumbnail(self, Renderer(self.context, self._clock, self._parts))

    def scratch(self, width: int, height: int) -> Canvas:
        """A canvas of this size for one pass, the same one as long as the size stays. Raises :class:`GlError`."""
        canvas = self._scratch
        if canvas is None or (canvas.width, canvas.height) != (width, height):
            self._release_scratch()
            canvas = self._scratch = Canvas(self.context, width, height)
        return canvas

    def release_last_texture(self) -> None:
        """See :meth:`gl.probe_draw.ProbeDraw.release_last_texture`."""
        self._parts.probe.release_last_texture()

    def copy(self, source: Canvas, framebuffer: int, place: tuple[int, int, int, int]) -> None:
        """Copy a whole canvas to ``place`` = (left, bottom, right, top) of a framebuffer, which is left bound."""
        gl = self.context.gl
        gl.Disable(api.GL_SCISSOR_TEST)
        gl.BindFramebuffer(api.GL_READ_FRAMEBUFFER, source.framebuffer)
        gl.BindFramebuffer(api.GL_DRAW_FRAMEBUFFER, framebuffer)
        same = (place[2] - place[0], place[3] - place[1]) == (source.width, source.height)
        kind = api.GL_NEAREST if same else api.GL_LINEAR
        gl.BlitFramebuffer(0, 0, source.width, source.height, *place, api.GL_COLOR_BUFFER_BIT, kind)
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, framebuffer)

    def release(self) -> None:
        """Delete everything; more calls do nothing."""
        self._release_scratch()
        self._parts.release()
        self.context.sweep()

    def _release_scratch(self) -> None:
        scratch, self._scratch = self._scratch, None
        if scratch is not None:
            scratch.release()


class Thumbnail:
    """The last picture of one frame source. Made by :meth:`Thumbnails.add`."""

    def __init__(self, owner: Thumbnails, renderer: Renderer) -> None:
        self._owner = owner
        self._renderer = renderer
        self._canvas: Canvas | None = None
        self._options = DrawOptions()

    @property
    def drawn(self) -> bool:
        """Whether there is a picture."""
        return self._canvas is not None

    def set_bridge(self, origin: DisplayOrigin | None) -> None:
        """See :meth:`gl.renderer.Renderer.set_bridge`."""
        self._renderer.set_bridge(origin)

    @property
    def retry_ns(self) -> int | None:
        """When to draw again although nothing changed, see :attr:`gl.renderer.Renderer.retry_ns`."""
        return self._renderer.retry_ns

    def look(self, frame: Frame) -> Look | None:
        """Look whether the guest changed pixels of the frame, see :meth:`gl.renderer.Renderer.look`."""
        return self._renderer.look(frame)

    @property
    def look_needs_context(self) -> bool:
        """Whether the context must be current for the next :meth:`look`."""
        return self._renderer.look_needs_context

    def draw(self, frame: Frame, width: int, height: int, background: Colour) -> DrawResult:
        """Draw a frame with a primary plane, in the middle of ``width`` x ``height`` device pixels.

        Without a picture to draw, the last one stays. Raises :class:`GlError`.
        """
        if self._options.background != background:
            self._options = DrawOptions(background=background)
        assert frame.primary is not None
        plane = frame.primary.plane
        limit = _MUCH_SMALLER if self._owner.context.software else _OVERSAMPLED
        factor = _OVERSAMPLED if min(width / plane.width, height / plane.height) * limit < 1 else 1
        scratch = self._owner.scratch(width * factor, height * factor)
        result = self._renderer.draw(
            frame, RenderTarget(scratch.width, scratch.height, scratch.framebuffer), self._options
        )
        if self._owner.context.software:
            # A copy makes llvmpipe keep the texture that was drawn last, in a scene that it may not use again soon.
            self._owner.release_last_texture()
        if result.placement is not None:
            self._owner.copy(scratch, self._sized(width, height).framebuffer, (0, 0, width, height))
        return result

    def show(self, framebuffer: int, left: int, bottom: int, width: int, height: int) -> None:
        """Put the picture into a framebuffer, scaled if it was drawn at another size. Nothing without a picture."""
        if self._canvas is not None:
            self._owner.copy(self._canvas, framebuffer, (left, bottom, left + width, bottom + height))

    def forget(self) -> None:
        """Delete the picture."""
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            canvas.release()

    def drop_released(self) -> None:
        """Delete what was made from released buffers, and make the driver release it now. The picture stays."""
        self._renderer.drop_released()

    def release(self) -> None:
        """Delete everything; more calls do nothing."""
        self.forget()
        self._renderer.release()

    def _sized(self, width: int, height: int) -> Canvas:
        canvas = self._canvas
        if canvas is None or (canvas.width, canvas.height) != (width, height):
            self.forget()
            canvas = self._canvas = Canvas(self._owner.context, width, height)
        return canvas
