"""Small pictures of the buffers in a renderer's cache, in memory. Nothing is imported or uploaded for them.

The pixels are read through a pixel buffer after a fence, so nobody waits for the GPU: a thumbnail is started, and taken
when it is complete, for example a quarter of a second later.
"""

import ctypes

import numpy as np

from app.planes.placement import Rect, place
from gl import api
from gl.canvas import Canvas, Rgba
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Style, run_steps
from gl.context import Context
from gl.errors import GlError
from gl.render_target import RenderTarget

# The picture is drawn this much larger, then halved, as a linear filter reads two texels in each direction.
_OVERSAMPLED = 4
# Where the CPU draws, that would take four times as long.
_OVERSAMPLED_BY_CPU = 2
_BYTES = 4


class BufferThumbnail:
    """Makes one thumbnail at a time, ``width`` x ``height`` pixels large. The context must be current for every call.

    Owns its framebuffers and a pixel buffer, which are made with the first thumbnail.
    """

    def __init__(self, context: Context, compositor: Compositor, width: int, height: int) -> None:
        self._context = context
        self._compositor = compositor
        self._width = width
        self._height = height
        # The largest first, each half as large as the one before.
        self._canvases: list[Canvas] = []
        self._pixels = 0
        self._fence = 0

    def start(self, image: Image, *, opaque: bool, straight: bool = False) -> None:
        """Draw a picture in the middle of the thumbnail, around it nothing. Raises :class:`GlError`.

        ``opaque``: the alpha of the image has no meaning, as that of a primary plane. ``straight``: its colours are not
        multiplied with alpha.

        One that was started before and not taken is dropped.
        """
        gl = self._context.gl
        self._drop_fence()
        gl.errors()
        bound = gl.integer(api.GL_FRAMEBUFFER_BINDING)
        try:
            if not self._pixels:
                self._allocate()
            self._draw(image, Style(opaque=opaque, straight=straight, smooth=True))
            for larger, smaller in zip(self._canvases, self._canvases[1:], strict=False):
                self._halve(larger, smaller)
            self._read_back()
        finally:
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)
        gl.check("drawing a thumbnail")
        self._fence = gl.FenceSync(api.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)

    def take(self) -> Rgba | None:
        """The thumbnail that was started, shape (height, width, 4), top row first, premultiplied alpha.

        None if none was started, or the GPU has not finished it yet. Raises :class:`GlError`.
        """
        gl = self._context.gl
        if not self._fence:
            return None
        answer = gl.ClientWaitSync(self._fence, api.GL_SYNC_FLUSH_COMMANDS_BIT, 0)
        if answer not in (api.GL_ALREADY_SIGNALED, api.GL_CONDITION_SATISFIED):
            gl.check("waiting for a thumbnail")
            return None
        self._drop_fence()
        size = self._width * self._height * _BYTES
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
        try:
            address = gl.MapBufferRange(api.GL_PIXEL_PACK_BUFFER, 0, size, api.GL_MAP_READ_BIT)
            if not address:
                raise GlError("glMapBufferRange", gl.errors())
            pixels = np.frombuffer(ctypes.string_at(address, size), np.uint8)
            gl.UnmapBuffer(api.GL_PIXEL_PACK_BUFFER)
        finally:
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
        return pixels.reshape(self._height, self._width, _BYTES)

    def release(self) -> None:
        """Delete everything; more calls do nothing."""
        self._drop_fence()
        pixels, self._pixels = self._pixels, 0
        if pixels:
            self._context.gl.delete(self._context.gl.DeleteBuffers, pixels)
        canvases, self._canvases = self._canvases, []
        for each in canvases:
            each.release()
        self._context.sweep()

    def _allocate(self) -> None:
        """Make everything, or nothing and raise GlError: a read without the pixel buffer would write to address 0."""
        gl = self._context.gl
        factor = _OVERSAMPLED_BY_CPU if self._context.software else _OVERSAMPLED
        try:
            while factor:
                self._canvases.append(Canvas(self._context, self._width * factor, self._height * factor))
                factor //= 2
            self._pixels = gl.generate(gl.GenBuffers)
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
            gl.BufferData(api.GL_PIXEL_PACK_BUFFER, self._width * self._height * _BYTES, None, api.GL_STREAM_READ)
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
            gl.check("allocating a thumbnail")
        except GlError:
            self.release()
            raise

    def _draw(self, image: Image, style: Style) -> None:
        canvas = self._canvases[0]
        target = RenderTarget(canvas.width, canvas.height, canvas.framebuffer, top_down=True)
        area = Rect(0, 0, canvas.width, canvas.height)
        clip = ClipSpace(target, place((image.width, image.height), area))
        run_steps(self._compositor.begin(target, (0.0, 0.0, 0.0, 0.0)))
        run_steps(self._compositor.layer(clip, image, style).move(0, 0))
        run_steps(self._compositor.end)

    def _halve(self, larger: Canvas, smaller: Canvas) -> None:
        gl = self._context.gl
        gl.Disable(api.GL_SCISSOR_TEST)
        gl.BindFramebuffer(api.GL_READ_FRAMEBUFFER, larger.framebuffer)
        gl.BindFramebuffer(api.GL_DRAW_FRAMEBUFFER, smaller.framebuffer)
        places = (0, 0, larger.width, larger.height, 0, 0, smaller.width, smaller.height)
        gl.BlitFramebuffer(*places, api.GL_COLOR_BUFFER_BIT, api.GL_LINEAR)

    def _read_back(self) -> None:
        gl, canvas = self._context.gl, self._canvases[-1]
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, canvas.framebuffer)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
        gl.PixelStorei(api.GL_PACK_ALIGNMENT, 4)
        gl.PixelStorei(api.GL_PACK_ROW_LENGTH, 0)
        gl.ReadPixels(0, 0, canvas.width, canvas.height, api.GL_RGBA, api.GL_UNSIGNED_BYTE, None)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)

    def _drop_fence(self) -> None:
        fence, self._fence = self._fence, 0
        if fence:
            self._context.gl.DeleteSync(fence)
