"""Textures: storage to upload into, or an image that was imported.

The creator of a texture releases it. Only :meth:`gl.context.Context.sweep` deletes it, so a finalizer may release one
in any thread.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gl import api
from gl.context import Context
from gl.errors import GlError
from gl.formats import SubstituteFormat, Swizzle, UploadFormat


class Texture:
    """Owns one texture and the EGLImage it was made from (0 for none).

    ``target`` is the texture target it is bound to; ``width`` and ``height`` are in texels. ``swizzle`` is set where
    the shader must apply it: the extension does not promise swizzles for external textures.
    """

    def __init__(self, context: Context, target: int, width: int, height: int, image: int = 0) -> None:
        self._context = context
        self.name = context.gl.generate(context.gl.GenTextures)
        self.image = image
        self.swizzle: Swizzle | None = None
        self.target = target
        self.width = width
        self.height = height

    def release(self) -> None:
        """Queue both for deletion by the context's next sweep; more calls do nothing."""
        name, self.name = self.name, 0
        image, self.image = self.image, 0
        if name or image:
            self._context.discard(name, image)

    def __del__(self) -> None:
        if getattr(self, "name", 0):
            self.release()


def _bind(context: Context, texture: Texture) -> None:
    context.gl.ActiveTexture(api.GL_TEXTURE0)
    context.gl.BindTexture(texture.target, texture.name)


def _set_up(context: Context, texture: Texture, swizzle: Swizzle | None) -> None:
    """Make the bound texture complete without a sampler object. When it is drawn, a sampler sets the filter."""
    set_parameter = context.gl.TexParameteri
    for name in (api.GL_TEXTURE_MIN_FILTER, api.GL_TEXTURE_MAG_FILTER):
        set_parameter(texture.target, name, api.GL_NEAREST)
    for name in (api.GL_TEXTURE_WRAP_S, api.GL_TEXTURE_WRAP_T):
        set_parameter(texture.target, name, api.GL_CLAMP_TO_EDGE)
    if swizzle is None:
        return
    if texture.target != api.GL_TEXTURE_2D:
        texture.swizzle = swizzle
    else:
        names = (
            api.GL_TEXTURE_SWIZZLE_R,
            api.GL_TEXTURE_SWIZZLE_G,
            api.GL_TEXTURE_SWIZZLE_B,
            api.GL_TEXTURE_SWIZZLE_A,
        )
        for name, value in zip(names, swizzle, strict=True):
            set_parameter(texture.target, name, value)


def texture_of_image(
    context: Context, image: int, swizzle: Swizzle, width: int, height: int, *, external: bool
) -> Texture:
    """A texture of an EGLImage, which it takes over. The caller checks for OpenGL errors."""
    target = api.GL_TEXTURE_EXTERNAL_OES if external else api.GL_TEXTURE_2D
    texture = Texture(context, target, width, height, image)
    _bind(context, texture)
    context.gl.EGLImageTargetTexture2DOES(target, image)
    _set_up(context, texture, swizzle)
    return texture


def new_texture(context: Context, internal: int, width: int, height: int, swizzle: Swizzle | None) -> Texture:
    """A texture with storage, not filled. Raises :class:`GlError`, most likely for lack of memory."""
    # Clear errors of earlier calls, for example Qt's: they are not errors of this texture.
    context.gl.errors()
    texture = Texture(context, api.GL_TEXTURE_2D, width, height)
    try:
        _bind(context, texture)
        context.gl.TexStorage2D(texture.target, 1, internal, width, height)
        _set_up(context, texture, swizzle)
        context.gl.check(f"storage for a texture of {width}x{height}")
    except GlError:
        texture.release()
        raise
    return texture


class Held(NamedTuple):
    """What was uploaded: ``source`` is a buffer's serial number and the layout of a plane in it.

    ``version`` is that of the buffer's :class:`app.planes.change_log.ChangeLog`. The last ``missing`` bytes of the
    plane could not be read.
    """

    source: tuple[int, tuple[int, ...]]
    version: int
    missing: int


class UploadTexture:
    """Storage for ``texels`` = (width, height) of a substitute format, filled again and again, whole or in parts.

    OpenGL reads memory in place where it can skip the padding of the rows; otherwise the rows are packed first.
    ``held`` is for the caller, who notes there what was uploaded; None for nothing that is known.
    """

    def __init__(
        self, context: Context, substitute: SubstituteFormat, upload: UploadFormat, texels: tuple[int, int]
    ) -> None:
        self._context = context
        self._upload = upload
        self.texture = new_texture(context, upload.internal_format, *texels, substitute.swizzle)
        self._packed: npt.NDArray[np.uint8] | None = None
        self.held: Held | None = None

    def send(self, rows: npt.NDArray[np.uint8], x: int = 0, y: int = 0) -> None:
        """Upload rows of bytes, shape (height, bytes of a row), with any stride, to the texels from ``x``, ``y`` on.

        The caller checks for errors.
        """
        texture, upload, gl = self.texture, self._upload, self._context.gl
        row_length, alignment = _unpacking(rows.shape[1], upload.texel_bytes, rows.strides[0])
        if alignment == 0:
            rows = self._pack(rows)
            row_length, alignment = 0, 1
        _bind(self._context, texture)
        gl.BindBuffer(api.GL_PIXEL_UNPACK_BUFFER, 0)
        gl.PixelStorei(api.GL_UNPACK_SKIP_ROWS, 0)
        gl.PixelStorei(api.GL_UNPACK_SKIP_PIXELS, 0)
        gl.PixelStorei(api.GL_UNPACK_ROW_LENGTH, row_length)
        gl.PixelStorei(api.GL_UNPACK_ALIGNMENT, alignment)
        gl.TexSubImage2D(
            texture.target,
            0,
            x,
            y,
            rows.shape[1] // upload.texel_bytes,
            rows.shape[0],
            upload.format,
            upload.type,
            rows.ctypes.data,
        )
        gl.PixelStorei(api.GL_UNPACK_ROW_LENGTH, 0)
        gl.PixelStorei(api.GL_UNPACK_ALIGNMENT, 4)

    def _pack(self, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if self._packed is None or self._packed.shape != rows.shape:
            self._packed = np.empty(rows.shape, np.uint8)
        np.copyto(self._packed, rows)
        return self._packed

    def release(self) -> None:
        """Release the texture; more calls do nothing."""
        self.texture.release()
        self._packed = None


def _unpacking(row_bytes: int, texel_bytes: int, stride: int) -> tuple[int, int]:
    """GL_UNPACK_ROW_LENGTH and GL_UNPACK_ALIGNMENT for a stride; alignment 0 when OpenGL cannot express the stride."""
    if stride % texel_bytes == 0:
        return stride // texel_bytes, 1
    for alignment in (2, 4, 8):
        if -(-row_bytes // alignment) * alignment == stride:
            return 0, alignment
    return 0, 0
