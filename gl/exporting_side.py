"""The side of a bridge that imports: a context on the exporting GPU, and what draws with it (:mod:`gl.bridge`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from app.planes.outcome import ImportFailure, ImportMethod
from gl.compositor import Compositor
from gl.context import SurfacelessContext
from gl.egl_constants import EGL_CONTEXT_LOST
from gl.errors import EglError
from gl.import_trials import ImportTrials
from gl.importer import Importer
from gl.kept_current import kept_current
from gl.probe_draw import ProbeDraw
from gl.texture_samples import Reductions
from gl.textures import Texture


class ExportingSide:
    """The context on the exporting GPU, and what draws with it. The context must be current to make one.

    ``linear_refusal`` is why pictures are not handed over as a dma-buf; empty as long as nothing speaks against it.
    """

    def __init__(self, context: SurfacelessContext, node: str, clock: Callable[[], int]) -> None:
        self.context = context
        self.node = node
        self.compositor = Compositor(context)
        self.probe = ProbeDraw(context, self.compositor)
        self._trials = ImportTrials(context, clock)
        self.importer = Importer(context, self.probe, self._trials)
        self.linear_refusal = ""
        self.reductions = Reductions(context)
        self._imported: set[Texture] = set()
        self.closed = False

    @property
    def name(self) -> str:
        """The GPU in words."""
        return f"{self.context.renderer} ({self.node})" if self.node else self.context.renderer

    @contextmanager
    def current(self) -> Iterator[None]:
        """The context is current in here; what was discarded is deleted first. Raises :class:`EglError`."""
        if self.closed:
            # What still uses it: another plane, whose frame is the one in which the context was lost.
            raise EglError("eglMakeCurrent", EGL_CONTEXT_LOST)
        with kept_current(self.context.egl):
            self.context.make_current()
            self.context.sweep()
            yield

    def failure_of(self, what: ImportFailure) -> ImportFailure:
        """A failure of an import on this GPU, as one of the bridge."""
        message = f"{self.node or self.context.renderer}: {what.method.value}: {what.message}"
        return ImportFailure(ImportMethod.BRIDGE, what.egl_error, message, what.may_pass)

    def keep(self, texture: Texture) -> None:
        """Release a texture of an import when the side is closed, unless :meth:`drop` does so before."""
        self._imported.add(texture)

    def drop(self, texture: Texture) -> None:
        """Release a texture; more calls do nothing."""
        self._imported.discard(texture)
        texture.release()

    def drop_released(self) -> None:
        """Make the driver release what was discarded, and end the trials that run. Raises :class:`GraphicsError`."""
        self._trials.release()
        with self.current():
            self.probe.release_last_texture()

    def close(self) -> None:
        """Delete everything and end the display; more calls do nothing. Raises nothing of EGL."""
        if self.closed:
            return
        self.closed = True
        self._trials.release()
        for each in self._imported:
            each.release()
        with kept_current(self.context.egl):
            with suppress(EglError):
                self.context.make_current()
                self.reductions.release()
                self.probe.release()
                self.compositor.release()
            # A context that is lost cannot be made current, but it is destroyed, and its display ended.
            with suppress(EglError):
                self.context.close()
