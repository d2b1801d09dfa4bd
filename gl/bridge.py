"""The bridge: another GPU, which exported the buffers, imports them for a window whose GPU cannot.

A context without a window on the exporting GPU imports the guest's buffer, with the same checks, trials and proofs as
any other import. A draw of one texel for one removes the tiling, and the texels go to the window's GPU
(:mod:`gl.hand_over`), which decodes and composes them as it does its own.

Everything happens in the thread of the window's context. A thread of its own would gain nothing, because the window's
draw must wait for the picture anyway, and the two GPUs still work side by side with what else they do. So the bridge
makes its context current for a moment, and afterwards the window's again (:mod:`gl.kept_current`).
"""

import logging
import os
import time
from collections.abc import Callable

from app.errors import error_text
from app.planes.buffer import DmaBuffer
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Plane
from gl.context import Context, SurfacelessContext
from gl.egl_display import DisplayOrigin
from gl.errors import GL_CONTEXT_LOST, EglError, GlError, GraphicsError
from gl.exporting_side import ExportingSide
from gl.gbm import allocate_linear
from gl.kept_current import ContextNotRestored, kept_current
from gl.retry import Retry, may_pass, next_retry

_log = logging.getLogger(__name__)

AllocateLinear = Callable[[ExportingSide, int, int, int], tuple[Plane, DmaBuffer]]
OpenContext = Callable[[DisplayOrigin], SurfacelessContext]


class BridgeFailure(GraphicsError):
    """The bridge does not give the picture, now or at all; ``failures`` tell why. ``on_trial``: ask again soon."""

    def __init__(self, failures: tuple[ImportFailure, ...], *, on_trial: bool = False) -> None:
        super().__init__(failures[0].message)
        self.failures = failures
        self.on_trial = on_trial


def bridge_failure(message: str, passing: bool = False) -> BridgeFailure:
    """A failure for one reason; ``passing``: it may succeed later."""
    return BridgeFailure((_failure(message, passing),))


def _failure(message: str, passing: bool) -> ImportFailure:
    return ImportFailure(ImportMethod.BRIDGE, None, message, passing)


def _allocate(side: ExportingSide, width: int, height: int, fourcc: int) -> tuple[Plane, DmaBuffer]:
    """As :func:`gl.gbm.allocate_linear`, where a GPU draws.

    llvmpipe draws in blocks of 4 x 4 pixels and more, also past the last row of a buffer that was made elsewhere
    (seen in Mesa 25.0.7: it ends the program). And where the CPU draws, reading back is but one more copy.
    """
    if side.context.software:
        raise GraphicsError("the CPU draws on the exporting side")
    return allocate_linear(side.node, width, height, fourcc)


class Bridge:
    """Opens the exporting side when it is first needed, and again after a failure, with a pause.

    ``context`` is the window's, which must be current for every call here. ``origin`` is the display of the exporting
    GPU. ``clock`` gives nanoseconds. ``allocate`` makes linear buffers there, and ``open_context`` a context: tests
    give others.
    """

    def __init__(
        self,
        context: Context,
        origin: DisplayOrigin,
        clock: Callable[[], int] = time.monotonic_ns,
        allocate: AllocateLinear = _allocate,
        open_context: OpenContext | None = None,
    ) -> None:
        self.context = context
        self.origin = origin
        self.allocate = allocate
        self._clock = clock
        self._open_context = open_context or self._open_surfaceless
        self._side: ExportingSide | None = None
        # Not the exception: an exception that is raised again keeps the stack of each time, and all that is in it.
        self._failure: ImportFailure | None = None
        # The pauses go on growing until the exporting side has given a picture.
        self._retry: Retry | None = None

    def side(self) -> ExportingSide:
        """The exporting side, opened if necessary.

        Raises :class:`BridgeFailure`, at once during a pause, and :class:`gl.kept_current.ContextNotRestored`.
        """
        if self._side is not None:
            return self._side
        if self._failure is not None:
            passing = self._failure.may_pass
            if not passing or self._retry is None or self._clock() < self._retry.due_ns:
                raise BridgeFailure((self._failure,))
        try:
            self._side = self._open()
        except ContextNotRestored:
            # The window's GPU failed, not the exporting one.
            raise
        except (GraphicsError, OSError) as error:
            text = error_text(error) if isinstance(error, OSError) else str(error)
            raise self._put_off(f"{self._where} cannot be used: {text}", passing=may_pass(error)) from error
        _log.info("what cannot be imported comes over a bridge from %s", self._side.name)
        return self._side

    @property
    def _where(self) -> str:
        return self.origin.node or f"EGL's {self.origin.platform.value} device"

    def _open(self) -> ExportingSide:
        with kept_current(self.context.egl):
            opened = self._open_context(self.origin)
            try:
                # A window must not wait for the trial of an import; a command without a window may.
                opened.waits_for_trials = self.context.waits_for_trials
                return ExportingSide(opened, self.origin.node or opened.display.render_node or "", self._clock)
            except BaseException:
                opened.close()
                raise

    def _open_surfaceless(self, origin: DisplayOrigin) -> SurfacelessContext:
        if origin.node is not None:
            # EGL does not tell a missing permission from a missing driver.
            os.close(os.open(origin.node, os.O_RDWR | os.O_CLOEXEC))
        return SurfacelessContext(origin=origin, record=self.context.record)

    def worked(self) -> None:
        """The exporting side gave a picture: the next failure is followed by the shortest pause again."""
        self._failure = self._retry = None

    def failed(self, side: ExportingSide, error: Exception) -> BridgeFailure:
        """What ``error`` of the exporting side means. A context that is lost is closed, and opened again later.

        Raises :class:`gl.kept_current.ContextNotRestored`.
        """
        text = error_text(error) if isinstance(error, OSError) else str(error) or "out of memory"
        message = f"{side.node or side.context.renderer}: {text}"
        lost = isinstance(error, EglError) or (isinstance(error, GlError) and GL_CONTEXT_LOST in error.codes)
        if not lost:
            return bridge_failure(message, passing=may_pass(error))
        if side is self._side:
            self._side = None
            put_off = self._put_off(message, passing=True)
            side.close()
            return put_off
        return bridge_failure(message, passing=True)

    def _put_off(self, message: str, *, passing: bool) -> BridgeFailure:
        self._retry = next_retry(self._clock(), self._retry)
        self._failure = _failure(message, passing)
        return BridgeFailure((self._failure,))

    def drop_released(self) -> None:
        """Make the exporting GPU release what was made from released buffers, now."""
        side = self._side
        if side is None:
            return
        try:
            side.drop_released()
        except EglError as error:
            self.failed(side, error)
        except ContextNotRestored as error:
            # What was released is gone, and the next draw tells of the window's context.
            _log.info("%s", error)

    def release(self) -> None:
        """Close the exporting side; more calls do nothing. Raises nothing."""
        side, self._side = self._side, None
        if side is not None:
            try:
                side.close()
            except ContextNotRestored as error:
                _log.info("%s", error)
