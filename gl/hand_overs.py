"""The ways from the exporting GPU to the window's, as they are made and shared: a proved dma-buf first, else read back.

A dma-buf is used only after a proof: random texels that the exporting GPU draws must be those that the window's GPU
reads, and other ones after them too.
"""

from collections import Counter

import numpy as np
import numpy.typing as npt

from app.errors import error_text
from app.planes.buffer import DmaBuffer
from app.planes.outcome import HandOverForm, ImportMethod
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason
from gl import api
from gl.bridge import Bridge
from gl.canvas import Canvas
from gl.compositor import Image, run_steps
from gl.errors import GraphicsError
from gl.exporting_side import ExportingSide
from gl.formats import Decode, format_mapping
from gl.hand_over import EIGHT_BITS, TEN_BITS, Carrier, HandOver, LinearBuffer, ReadBack, delete_there, known, raw_steps
from gl.importer import Importer, ImportResult
from gl.probe_draw import ProbeDraw
from gl.textures import Texture, UploadTexture

_BYTES = 4
_PROOF_ROWS = 16
_Key = tuple[ExportingSide, int, int, int, PlaneKind, HandOverForm]


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
    ) -> tuple[HandOver, _Key, bool]:
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

    def give_back(self, key: _Key) -> None:
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
                result = self._importer.load(plane, known(carrier.fourcc), buffer)
                texture = _linear_texture(result, "the window's GPU")
            except (GraphicsError, OSError, MemoryError):
                side.drop(canvas.texture)
                delete_there(side, canvas.release)
                raise
            made = LinearBuffer(self._bridge.context, side, canvas, texture)
            self._prove(side, made, carrier)
        except (GraphicsError, OSError, MemoryError) as error:
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
        image = Image(made.texture, known(carrier.fourcc), Decode.COLOUR, width, height)
        texels = np.random.default_rng(width * height).integers(0, 256, (height, width * _BYTES), np.uint8)
        if carrier is TEN_BITS:
            # Of the two bits of its alpha nothing else comes back.
            texels[:, 3::_BYTES] = 255
        for pattern in (texels, _other(texels, carrier)):
            with side.current():
                _draw_texels(side, made, pattern)
            seen = self._probe.rows(image, rows).reshape(len(rows), -1)
            if not np.array_equal(seen, pattern[list(rows)]):
                raise NotLinear("the window's GPU reads other pixels from the dma-buf than the exporting GPU drew")


def _other(texels: npt.NDArray[np.uint8], carrier: Carrier) -> npt.NDArray[np.uint8]:
    inverted = 255 - texels
    if carrier is TEN_BITS:
        inverted[:, 3::_BYTES] = 255
    return inverted


def _target(side: ExportingSide, plane: Plane, buffer: DmaBuffer, carrier: Carrier) -> Canvas:
    """The buffer as a target for the exporting side, whose context is current. Raises :class:`GraphicsError`."""
    result = side.importer.load(plane, known(carrier.fourcc), buffer)
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
    mapping = format_mapping(EIGHT_BITS.texture)
    size = (made.target.width, made.target.height)
    source = UploadTexture(side.context, mapping.substitutes[-1], mapping.upload, size)
    try:
        source.send(texels)
        run_steps(raw_steps(side, Image(source.texture, EIGHT_BITS.texture, Decode.COLOUR, *size), made.target))
        made.finish()
        side.context.gl.check("drawing into a dma-buf")
    finally:
        source.release()
        side.context.sweep()
