"""Test draws: of a whole image into one pixel, and of some of its rows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from app.abi import drm_fourcc as drm
from app.formats.fourcc import pixel_format
from app.planes.placement import Rect, place
from gl import api
from gl.canvas import Canvas, Rgba
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Style, run_steps
from gl.context import Context
from gl.errors import GlError
from gl.formats import Decode
from gl.render_target import RenderTarget
from gl.textures import Texture, new_texture

_log = logging.getLogger(__name__)


class ProbeDraw:
    """Draws an image to test whether the driver can draw it. Owns a framebuffer of one pixel and a blank texture."""

    def __init__(self, context: Context, compositor: Compositor) -> None:
        self._context = context
        self._compositor = compositor
        self._canvas: Canvas | None = None
        self._blank: Texture | None = None

    def check(self, image: Image) -> None:
        """Draw an image and read the result. Raises :class:`GlError` when the driver cannot draw it."""
        with self._drawn(image) as canvas:
            self._context.gl.check("the first draw")
            canvas.read()

    def rows(self, image: Image, numbers: tuple[int, ...]) -> Rgba:
        """Some rows of the picture, one pixel for one: shape (len(numbers), width, 4). Raises :class:`GlError`.

        The framebuffer that was bound before is bound again afterwards.
        """
        gl = self._context.gl
        bound = gl.integer(api.GL_FRAMEBUFFER_BINDING)
        try:
            canvas = Canvas(self._context, image.width, len(numbers))
            try:
                run_steps(
                    self._compositor.begin(
                        RenderTarget(canvas.width, canvas.height, canvas.framebuffer), (0.0, 0.0, 0.0, 1.0)
                    )
                )
                # Each row is the whole of a target that is one pixel high.
                one = RenderTarget(image.width, 1, canvas.framebuffer)
                layer = self._compositor.layer(
                    ClipSpace(one, place((image.width, 1), Rect(0, 0, image.width, 1))), image, Style()
                )
                for index, number in enumerate(numbers):
                    gl.Viewport(0, index, image.width, 1)
                    run_steps(layer.move(0, -number))
                run_steps(self._compositor.end)
                gl.check("drawing rows")
                return canvas.read()
            finally:
                canvas.release()
        finally:
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)
            self._context.sweep()

    def release_last_texture(self) -> None:
        """Make the driver release the texture that it drew last.

        Deleting the texture is not enough: Mesa keeps the last texture of each unit until a draw replaces it, and
        with it a dma-buf, which may keep the device of an ended VM busy. An OpenGL error is only logged: the caller
        must go on and close that device.
        """
        rgba = pixel_format(drm.DRM_FORMAT_ABGR8888)
        assert rgba
        try:
            if self._blank is None:
                self._blank = new_texture(self._context, api.GL_RGBA8, 1, 1, None)
            with self._drawn(Image(self._blank, rgba, Decode.COLOUR, 1, 1)):
                self._context.gl.Finish()
        except GlError as error:
            _log.info("the driver may keep the last texture: %s", error)

    @contextmanager
    def _drawn(self, image: Image) -> Iterator[Canvas]:
        """Draw. The framebuffer that was bound before is bound again afterwards."""
        gl = self._context.gl
        bound = gl.integer(api.GL_FRAMEBUFFER_BINDING)
        try:
            if self._canvas is None:
                self._canvas = Canvas(self._context, 1, 1)
            target = RenderTarget(1, 1, self._canvas.framebuffer)
            clip = ClipSpace(target, place((image.width, image.height), Rect(0, 0, 1, 1)))
            run_steps(self._compositor.begin(target, (0.0, 0.0, 0.0, 1.0)))
            run_steps(self._compositor.layer(clip, image, Style()).move(0, 0))
            run_steps(self._compositor.end)
            yield self._canvas
        finally:
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)

    def release(self) -> None:
        """Delete what this owns, with the context current; more calls do nothing."""
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            canvas.release()
        blank, self._blank = self._blank, None
        if blank is not None:
            blank.release()
