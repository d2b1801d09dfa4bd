"""A framebuffer of our own: OpenGL draws into it, then its pixels are read back."""

import numpy as np
import numpy.typing as npt

from gl import api
from gl.context import Context
from gl.errors import GlError
from gl.textures import Texture, new_texture

Rgba = npt.NDArray[np.uint8]


class Canvas:
    """Owns a framebuffer of ``width`` x ``height`` pixels, and the ``texture`` behind it.

    None makes a texture of RGBA8; another one is taken over. Raises :class:`GlError`, for lack of memory too.
    """

    def __init__(self, context: Context, width: int, height: int, texture: Texture | None = None) -> None:
        gl = context.gl
        self._context = context
        self.width = width
        self.height = height
        self.texture = texture or new_texture(context, api.GL_RGBA8, width, height, None)
        self.framebuffer = gl.generate(gl.GenFramebuffers)
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, self.framebuffer)
        gl.FramebufferTexture2D(api.GL_FRAMEBUFFER, api.GL_COLOR_ATTACHMENT0, api.GL_TEXTURE_2D, self.texture.name, 0)
        status = gl.CheckFramebufferStatus(api.GL_FRAMEBUFFER)
        if status != api.GL_FRAMEBUFFER_COMPLETE:
            self.release()
            raise GlError("glCheckFramebufferStatus", gl.errors(), f"status 0x{status:04x}")

    def read(self) -> Rgba:
        """The pixels, shape (height, width, 4), in the order of the framebuffer's rows. Raises :class:`GlError`."""
        gl = self._context.gl
        pixels = np.empty((self.height, self.width, 4), np.uint8)
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, self.framebuffer)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
        gl.PixelStorei(api.GL_PACK_ALIGNMENT, 4)
        gl.PixelStorei(api.GL_PACK_ROW_LENGTH, 0)
        gl.ReadPixels(0, 0, self.width, self.height, api.GL_RGBA, api.GL_UNSIGNED_BYTE, pixels.ctypes.data)
        gl.check("glReadPixels")
        return pixels

    def release(self) -> None:
        """Delete the framebuffer, with the context current; more calls do nothing."""
        framebuffer, self.framebuffer = self.framebuffer, 0
        if framebuffer:
            self._context.gl.delete(self._context.gl.DeleteFramebuffers, framebuffer)
        self.texture.release()
