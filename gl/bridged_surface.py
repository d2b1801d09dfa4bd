"""Surfaces that another GPU imports and hands over, for each frame (:mod:`gl.bridge`)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.formats.fourcc import PixelFormat
from app.planes.buffer import Buffer
from app.planes.outcome import BridgeRoute, HandOverForm, ImportMethod
from app.planes.pixel_samples import Look
from app.planes.plane import Plane
from app.planes.status import Reason
from gl.bridge import Bridge, BridgeFailure, bridge_failure
from gl.compositor import Image, run_steps
from gl.errors import EglError, GlError, GraphicsError
from gl.exporting_side import ExportingSide
from gl.formats import Decode
from gl.hand_over import carrier_of, raw_steps
from gl.hand_overs import HandOvers
from gl.kept_current import ContextNotRestored
from gl.texture_samples import TextureSamples


class BridgedSurface:
    """A plane that comes over the bridge: its image on the window's GPU, and how its texels get there.

    ``method`` is how the exporting GPU imported it. ``better_soon``: another form of handing over is on trial.
    The window's context must be current for every call here, and is current again afterwards.
    """

    def __init__(
        self, bridge: Bridge, hand_overs: HandOvers, plane: Plane, pixels: PixelFormat, buffer: Buffer
    ) -> None:
        """Raises :class:`BridgeFailure`."""
        self._bridge = bridge
        self._hand_overs = hand_overs
        side = self._side = bridge.side()
        self._taken = False
        self._there: Image | None = None
        try:
            with side.current():
                result = side.importer.load(plane, pixels, buffer)
            if result.image is None:
                failures = tuple(map(side.failure_of, result.failures))
                raise BridgeFailure(failures, on_trial=result.reason is Reason.IMPORT_ON_TRIAL)
            self._there = result.image
            side.keep(result.image.texture)
            assert result.method is not None
            self.method: ImportMethod = result.method
            texture = result.image.texture
            size = (texture.width, texture.height)
            self._hand_over, self._key, self.better_soon = hand_overs.take(side, carrier_of(pixels), *size, plane.kind)
            self._taken = True
            with side.current():
                self._steps = raw_steps(side, result.image, self._hand_over.target)
        except (BridgeFailure, ContextNotRestored):
            self.release()
            raise
        except (GraphicsError, OSError, MemoryError) as error:
            self.release()
            raise bridge.failed(side, error) from error
        decode = Decode.COLOUR if result.image.decode is Decode.FETCHED else result.image.decode
        handed = self._hand_over.texture
        self.image = Image(handed, pixels, decode, plane.width, plane.height, plane.y_inverted)

    @property
    def route(self) -> BridgeRoute:
        """The way, for a person."""
        form, side = self._hand_over.form, self._side
        reason = side.linear_refusal if form is HandOverForm.READ_BACK else ""
        return BridgeRoute(side.node, side.context.renderer, form, reason)

    def refresh(self, buffer: Buffer) -> None:
        """Hand over the plane's pixels as they are now. Raises :class:`BridgeFailure`."""
        if buffer.released:
            raise bridge_failure("the buffer was released")
        side, hand_over = self._side, self._hand_over
        try:
            hand_over.wait_for_window()
            with side.current():
                side.context.gl.errors()
                run_steps(self._steps)
                hand_over.finish()
                side.context.gl.check("drawing on the exporting GPU")
            # Clear errors of earlier calls, for example Qt's: they are not errors of this upload.
            self._bridge.context.gl.errors()
            hand_over.receive()
            self._bridge.context.gl.check("uploading")
        except ContextNotRestored:
            raise
        except (GraphicsError, MemoryError) as error:
            raise self._bridge.failed(side, error) from error
        self._bridge.worked()

    def samples(self) -> "BridgedSamples":
        """What looks for changed pixels on the exporting GPU, without handing over the picture. Raises GlError."""
        assert self._there is not None
        return BridgedSamples(self._side, self._there)

    def release(self) -> None:
        """Give back what was used; more calls do nothing. The exporting GPU deletes the image a little later."""
        there, self._there = self._there, None
        if there is not None:
            self._side.drop(there.texture)
        taken, self._taken = self._taken, False
        if taken:
            self._hand_overs.give_back(self._key)


class BridgedSamples:
    """:class:`gl.texture_samples.TextureSamples` on the exporting GPU, with the same two methods."""

    def __init__(self, side: ExportingSide, image: Image) -> None:
        """Raises :class:`GlError`."""
        self._side = side
        with _as_gl_error(), side.current():
            program = side.reductions.of(image.texture)
            self._samples = TextureSamples(side.context, side.compositor, program, image)

    def look(self, now_ns: int) -> Look | None:
        """Look at the next rows; None if the GPU has no answer yet. Raises :class:`GlError`."""
        with _as_gl_error(), self._side.current():
            return self._samples.look(now_ns)

    def release(self) -> None:
        """Delete what this owns; more calls do nothing."""
        if self._side.closed:
            return
        with suppress(EglError), self._side.current():
            self._samples.release()


@contextmanager
def _as_gl_error() -> Iterator[None]:
    try:
        yield
    except EglError as error:
        raise GlError("looking at the pixels on the exporting GPU", (), str(error)) from error
