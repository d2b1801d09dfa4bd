"""How texels get from the exporting GPU to the window's: in a linear dma-buf of both, or through the CPU.

Linear, because modifiers of one GPU mean nothing to another one. A dma-buf is used only after a proof: random texels
that the exporting GPU draws must be those that the window's GPU reads, and other ones after them too. Otherwise the
exporting GPU writes into a pixel buffer, which is mapped, and the window's GPU uploads from the mapping.

Whoever takes a picture must find it complete. glFinish of the exporting side, and the mapping of a pixel buffer, wait
for that. And before the exporting side draws into a dma-buf again, glFinish of the window's side waits until the draws
of the picture before have read it. By then a refresh has passed, so that this rarely waits.
"""

import ctypes
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.errors import error_text
from app.formats.fourcc import PixelFormat, pixel_format
from app.planes.buffer import DmaBuffer
from app.planes.outcome import HandOverForm, ImportMethod
from app.planes.placement import Rect, place
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason
from gl import api
from gl.bridge import Bridge, ExportingSide
from gl.canvas import Canvas
from gl.clip_space import ClipSpace
from gl.compositor import Image, Steps, Style, run_steps
from gl.context import Context
from gl.errors import EglError, GlError, GraphicsError
from gl.formats import Decode, format_mapping
from gl.importer import Importer, ImportResult
from gl.probe_draw import ProbeDraw
from gl.render_target import RenderTarget
from gl.textures import Texture, UploadTexture, new_texture

_BYTES = 4
_PROOF_ROWS = 16


@dataclass(frozen=True, slots=True)
class Carrier:
    """What texels travel in: ``fourcc`` for a dma-buf, and the format of the textures for an upload."""

    fourcc: int
    texture: PixelFormat


def _known(fourcc: int) -> PixelFormat:
    found = pixel_format(fourcc)
    assert found is not None
    return found


# All 8 bits of each channel, and all 10 of a format that has them: no bit of any format that is shown gets lost.
_EIGHT = Carrier(drm.DRM_FORMAT_ARGB8888, _known(drm.DRM_FORMAT_ABGR8888))
_TEN = Carrier(drm.DRM_FORMAT_ARGB2101010, _known(drm.DRM_FORMAT_ABGR2101010))


def carrier_of(pixels: PixelFormat) -> Carrier:
    """The carrier for planes of a format."""
    return _TEN if pixels.green is not None and pixels.green.bits > 8 else _EIGHT


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

    def take(self) -> None:
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

    def take(self) -> None:
        """Upload from the mapping."""
        assert self._mapped is not None
        self._upload.send(self._mapped)

    def release(self) -> None:
        """Delete the texture and the pixel buffer."""
        self._upload.release()
        # The memory goes with the pixel buffer.
        self._mapped = None
        _delete_there(self._side, self._delete_target)

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

    def take(self) -> None:
        """Nothing: the texture is the buffer."""

    def release(self) -> None:
        """Delete the texture and the target; the buffer goes with both."""
        self.texture.release()
        _delete_there(self._side, self._delete_target)

    def _delete_target(self) -> None:
        self._side.drop(self._canvas.texture)
        self._canvas.release()


def _delete_there(side: ExportingSide, delete: "Delete") -> None:
    if side.closed:
        return
    try:
        with side.current():
            delete()
            side.context.sweep()
    except EglError:
        # The context is lost, and with it what it had.
        return


class Delete(Protocol):
    def __call__(self) -> None: ...


class NotLinear(GraphicsError):
    """No dma-buf can be handed over, and why. ``on_trial``: that is not decided yet."""

    def __init__(self, why: str, *, on_trial: bool = False) -> None:
        super().__init__(why)
        self.on_trial = on_trial


class HandOvers:
    """The ways for one cache of surfaces: one for all planes of a carrier, size and kind, counted by their users.

    As with :class:`gl.copied_surface.UploadTextures`, a guest that flips among many buffers takes the memory of one.
    ``importer`` and ``probe`` are those of the window's context.
    """

    def __init__(self, bridge: Bridge, importer: Importer, probe: ProbeDraw) -> None:
        self._bridge = bridge
        self._importer = importer
        self._probe = probe
        self._made: dict[_Key, HandOver] = {}
        self._users: Counter[_Key] = Counter()

    def take(
        self, side: ExportingSide, carrier: Carrier, width: int, height: int, kind: PlaneKind
    ) -> "tuple[HandOver, _Key, bool]":
        """A way, its key for :meth:`give_back`, and whether a better way may be found soon, as it is on trial.

        Raises :class:`GraphicsError`.
        """
        on_trial = False
        if not side.linear_refusal:
            key = (side, carrier.fourcc, width, height, kind, HandOverForm.DMABUF)
            try:
                if key not in self._made:
                    self._made[key] = self._linear(side, carrier, width, height)
                self._users[key] += 1
                return self._made[key], key, False
            except NotLinear as error:
                on_trial = error.on_trial
                if not on_trial:
                    side.linear_refusal = str(error)
        key = (side, carrier.fourcc, width, height, kind, HandOverForm.READ_BACK)
        if key not in self._made:
            self._made[key] = ReadBack(self._bridge.context, side, carrier, width, height)
        self._users[key] += 1
        return self._made[key], key, on_trial

    def give_back(self, key: "_Key") -> None:
        """End one use. The end of the last use deletes the way."""
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            self._made.pop(key).release()

    def _linear(self, side: ExportingSide, carrier: Carrier, width: int, height: int) -> LinearBuffer:
        """Raises :class:`NotLinear`."""
        try:
            plane, buffer = self._bridge.allocate(side, width, height, carrier.fourcc)
        except OSError as error:
            raise NotLinear(f"no linear buffer: {error_text(error)}") from error
        except GraphicsError as error:
            raise NotLinear(str(error)) from error
        made: LinearBuffer | None = None
        try:
            with side.current():
                canvas = _target(side, plane, buffer, carrier)
            try:
                result = self._importer.load(plane, _known(carrier.fourcc), buffer)
                texture = _linear_texture(result, "the window's GPU")
            except NotLinear:
                side.drop(canvas.texture)
                _delete_there(side, canvas.release)
                raise
            made = LinearBuffer(self._bridge.context, side, canvas, texture)
            self._prove(side, made, carrier)
        except (GraphicsError, MemoryError) as error:
            if made is not None:
                made.release()
            raise error if isinstance(error, NotLinear) else NotLinear(str(error) or "out of memory") from error
        finally:
            buffer.release()
        return made

    def _prove(self, side: ExportingSide, made: LinearBuffer, carrier: Carrier) -> None:
        """Raises :class:`NotLinear` if the window's GPU does not read what the exporting GPU drew, and its changes."""
        width, height = made.target.width, made.target.height
        rows = tuple(sorted({height * each // _PROOF_ROWS for each in range(_PROOF_ROWS)} | {height - 1}))
        image = Image(made.texture, _known(carrier.fourcc), Decode.COLOUR, width, height)
        texels = np.random.default_rng(width * height).integers(0, 256, (height, width * _BYTES), np.uint8)
        if carrier is _TEN:
            # Of the two bits of its alpha nothing else comes back.
            texels[:, 3::_BYTES] = 255
        for pattern in (texels, _other(texels, carrier)):
            with side.current():
                _draw_texels(side, made, pattern)
            seen = self._probe.rows(image, rows).reshape(len(rows), -1)
            if not np.array_equal(seen, pattern[list(rows)]):
                raise NotLinear("the window's GPU reads other pixels from the dma-buf than the exporting GPU drew")


_Key = tuple[ExportingSide, int, int, int, PlaneKind, HandOverForm]


def _other(texels: npt.NDArray[np.uint8], carrier: Carrier) -> npt.NDArray[np.uint8]:
    inverted = 255 - texels
    if carrier is _TEN:
        inverted[:, 3::_BYTES] = 255
    return inverted


def _target(side: ExportingSide, plane: Plane, buffer: DmaBuffer, carrier: Carrier) -> Canvas:
    """The buffer as a target for the exporting side, whose context is current. Raises :class:`GraphicsError`."""
    result = side.importer.load(plane, _known(carrier.fourcc), buffer)
    texture = _linear_texture(result, "the exporting GPU")
    side.keep(texture)
    return Canvas(side.context, texture.width, texture.height, texture)


def _linear_texture(result: ImportResult, who: str) -> Texture:
    """The texture of an import of the hand-over's buffer. Raises :class:`NotLinear`."""
    image = result.image
    if image is None:
        on_trial = result.reason is Reason.IMPORT_ON_TRIAL
        raise NotLinear(f"{who} does not import it: {result.failures[0].message}", on_trial=on_trial)
    usual = image.texture.target == api.GL_TEXTURE_2D and image.decode is Decode.COLOUR
    if not usual or result.method not in (ImportMethod.EXPLICIT, ImportMethod.IMPLICIT):
        image.texture.release()
        raise NotLinear(f"{who} imports it only in a form that cannot be drawn into")
    return image.texture


def _draw_texels(side: ExportingSide, made: LinearBuffer, texels: npt.NDArray[np.uint8]) -> None:
    """Draw RGBA texels with the exporting side, whose context is current, and wait for it. Raises :class:`GlError`."""
    mapping = format_mapping(_EIGHT.texture)
    size = (made.target.width, made.target.height)
    source = UploadTexture(side.context, mapping.substitutes[-1], mapping.upload, size)
    try:
        source.send(texels)
        run_steps(raw_steps(side, Image(source.texture, _EIGHT.texture, Decode.COLOUR, *size), made.target))
        made.finish()
        side.context.gl.check("drawing into a dma-buf")
    finally:
        source.release()
        side.context.sweep()
