"""How texels get from the exporting GPU to the window's: in a linear dma-buf of both, or through the CPU.

Linear, because modifiers of one GPU mean nothing to another one. Where no dma-buf can be used (:mod:`gl.hand_overs`),
the exporting GPU writes into a pixel buffer, which is mapped, and the window's GPU uploads from the mapping.

A picture must be complete when it is received. glFinish of the exporting side, and the mapping of a pixel buffer, wait
for that. And before the exporting side draws into a dma-buf again, glFinish of the window's side waits until the draws
of the picture before have read it. By then a refresh has passed, so that this rarely waits.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat, pixel_format
from app.planes.outcome import HandOverForm
from app.planes.placement import Rect, place
from gl import api
from gl.canvas import Canvas
from gl.clip_space import ClipSpace
from gl.compositor import Image, Steps, Style
from gl.context import Context
from gl.errors import EglError, GlError
from gl.exporting_side import ExportingSide
from gl.formats import Decode, format_mapping
from gl.render_target import RenderTarget
from gl.textures import Texture, UploadTexture, new_texture

_BYTES = 4


@dataclass(frozen=True, slots=True)
class Carrier:
    """What texels travel in: ``fourcc`` for a dma-buf, and the format of the textures for an upload."""

    fourcc: int
    texture: PixelFormat


def known(fourcc: int) -> PixelFormat:
    """The format of a carrier's fourcc."""
    found = pixel_format(fourcc)
    assert found is not None
    return found


# All 8 bits of each channel, and all 10 of a format that has them: no bit of any format that is shown gets lost.
EIGHT_BITS = Carrier(drm.DRM_FORMAT_ARGB8888, known(drm.DRM_FORMAT_ABGR8888))
TEN_BITS = Carrier(drm.DRM_FORMAT_ARGB2101010, known(drm.DRM_FORMAT_ABGR2101010))


def carrier_of(pixels: PixelFormat) -> Carrier:
    """The carrier for planes of a format."""
    return TEN_BITS if pixels.green is not None and pixels.green.bits > 8 else EIGHT_BITS


class HandOver(Protocol):
    """One way, for pictures of one size. ``texture`` has the picture on the window's GPU."""

    form: HandOverForm
    texture: Texture
    target: RenderTarget

    def wait_for_window(self) -> None:
        """Before the exporting side draws, with the window's context current."""
        ...

    def finish(self) -> None:
        """After the exporting side drew into ``target``, with its context current. Raises :class:`GlError`."""
        ...

    def receive(self) -> None:
        """Make the picture that of ``texture``, with the window's context current. The caller checks for errors."""
        ...

    def release(self) -> None:
        """Delete everything, with the window's context current; more calls do nothing."""
        ...


def raw_steps(side: ExportingSide, image: Image, target: RenderTarget) -> Steps:
    """The steps that draw the texels of an image, one for one and without decoding them, into a target of its size."""
    texture = image.texture
    size = (texture.width, texture.height)
    # A shader that fetches texels gives the colours that the format means; other decoding is the window's part.
    decode = Decode.FETCHED if image.decode is Decode.FETCHED else Decode.COLOUR
    raw = Image(texture, image.pixel_format, decode, *size)
    layer = side.compositor.layer(ClipSpace(target, place(size, Rect(0, 0, *size))), raw, Style())
    return (*side.compositor.begin(target, (0.0, 0.0, 0.0, 0.0)), *layer.move(0, 0), *side.compositor.end)


class ReadBack:
    """Through the CPU: the exporting GPU writes into a pixel buffer, from whose mapping the window's GPU uploads.

    The mapping stays until the next picture: to end it sooner would need the exporting side's context once more.
    """

    form = HandOverForm.READ_BACK

    def __init__(self, context: Context, side: ExportingSide, carrier: Carrier, width: int, height: int) -> None:
        mapping = format_mapping(carrier.texture)
        self._side = side
        self._upload_format = mapping.upload
        self._size = width * height * _BYTES
        self._shape = (height, width * _BYTES)
        self._pixels = 0
        self._mapped: npt.NDArray[np.uint8] | None = None
        self._upload = UploadTexture(context, mapping.substitutes[-1], mapping.upload, (width, height))
        self.texture = self._upload.texture
        try:
            with side.current():
                self._make_target(width, height)
        except BaseException:
            self._upload.release()
            raise
        self.target = RenderTarget(width, height, self._canvas.framebuffer, top_down=True)

    def _make_target(self, width: int, height: int) -> None:
        gl = self._side.context.gl
        texture = new_texture(self._side.context, self._upload_format.internal_format, width, height, None)
        self._canvas = Canvas(self._side.context, width, height, texture)
        self._pixels = gl.generate(gl.GenBuffers)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
        gl.BufferData(api.GL_PIXEL_PACK_BUFFER, self._size, None, api.GL_STREAM_READ)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
        try:
            gl.check("memory to read the picture back")
        except GlError:
            self._delete_target()
            raise

    def wait_for_window(self) -> None:
        """Nothing: an upload has read the mapping when it returns."""

    def finish(self) -> None:
        """Read the pixels into the buffer, and map it: the mapping waits until they are there."""
        gl, size = self._side.context.gl, self.target
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, self._canvas.framebuffer)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
        try:
            if self._mapped is not None:
                self._mapped = None
                gl.UnmapBuffer(api.GL_PIXEL_PACK_BUFFER)
            gl.PixelStorei(api.GL_PACK_ALIGNMENT, 4)
            gl.PixelStorei(api.GL_PACK_ROW_LENGTH, 0)
            upload = self._upload_format
            gl.ReadPixels(0, 0, size.width, size.height, upload.format, upload.type, None)
            address = gl.MapBufferRange(api.GL_PIXEL_PACK_BUFFER, 0, self._size, api.GL_MAP_READ_BIT)
            if not address:
                raise GlError("glMapBufferRange", gl.errors())
        finally:
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
        memory = (ctypes.c_uint8 * self._size).from_address(address)
        self._mapped = np.ctypeslib.as_array(memory).reshape(self._shape)

    def receive(self) -> None:
        """Upload from the mapping."""
        assert self._mapped is not None
        self._upload.send(self._mapped)

    def release(self) -> None:
        """Delete the texture and the pixel buffer."""
        self._upload.release()
        # The memory goes with the pixel buffer.
        self._mapped = None
        delete_there(self._side, self._delete_target)

    def _delete_target(self) -> None:
        pixels, self._pixels = self._pixels, 0
        if pixels:
            self._side.context.gl.delete(self._side.context.gl.DeleteBuffers, pixels)
        self._canvas.release()


class LinearBuffer:
    """A linear dma-buf of the exporting GPU: the target of its draws, and a texture of the window's GPU."""

    form = HandOverForm.DMABUF

    def __init__(self, context: Context, side: ExportingSide, canvas: Canvas, texture: Texture) -> None:
        self._context = context
        self._side = side
        self._canvas = canvas
        self.texture = texture
        self.target = RenderTarget(canvas.width, canvas.height, canvas.framebuffer, top_down=True)

    def wait_for_window(self) -> None:
        """Wait until the window's GPU has read the picture before."""
        self._context.gl.Finish()

    def finish(self) -> None:
        """Wait until the picture is in the buffer."""
        self._side.context.gl.Finish()

    def receive(self) -> None:
        """Nothing: the texture is the buffer."""

    def release(self) -> None:
        """Delete the texture and the target; the buffer goes with both."""
        self.texture.release()
        delete_there(self._side, self._delete_target)

    def _delete_target(self) -> None:
        self._side.drop(self._canvas.texture)
        self._canvas.release()


def delete_there(side: ExportingSide, delete: Callable[[], None]) -> None:
    """Delete something of the exporting side with its context current. Nothing is left to delete if that is gone."""
    if side.closed:
        return
    try:
        with side.current():
            delete()
            side.context.sweep()
    except EglError:
        # The context is lost, and with it what it had.
        return
