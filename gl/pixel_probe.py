"""Looks at the pixels of a frame that did not change: by the CPU where it can read them, else by the GPU."""

import logging
from collections.abc import Iterable

from app.planes.pixel_samples import Look, PixelSamples
from app.planes.plane import PlaneKind
from gl.bridged_surface import BridgedSamples
from gl.compositor import Compositor
from gl.context import Context
from gl.errors import GlError
from gl.surface_cache import LoadedSurface
from gl.texture_samples import Reductions, TextureSamples

_log = logging.getLogger(__name__)


class _Looker:
    """What looks at one loaded surface. ``by_gpu`` is set as soon as the CPU could not read it.

    ``failed``: the GPU cannot either.
    """

    def __init__(self, loaded: LoadedSurface) -> None:
        self.loaded = loaded
        self.by_cpu: PixelSamples | None = PixelSamples(loaded.surface.plane)
        self.by_gpu: TextureSamples | BridgedSamples | None = None
        self.failed = False

    def release(self) -> None:
        """Delete what belongs to the context; more calls do nothing."""
        by_gpu, self.by_gpu = self.by_gpu, None
        if by_gpu is not None:
            by_gpu.release()


class PixelProbe:
    """Keeps what the last looks saw, for the surfaces of one frame. A flip begins anew.

    The context must be current for :meth:`look` where :meth:`needs_context` says so, and for :meth:`release`.
    """

    def __init__(self, context: Context, compositor: Compositor) -> None:
        self._context = context
        self._compositor = compositor
        self._reductions = Reductions(context)
        self._surfaces: tuple[LoadedSurface, ...] = ()
        # By the kind of plane. They begin with the first look, so that a guest that flips makes none.
        self._lookers: dict[PlaneKind, _Looker] = {}

    @property
    def surfaces(self) -> tuple[LoadedSurface, ...]:
        """What is looked at."""
        return self._surfaces

    def set_surfaces(self, surfaces: Iterable[LoadedSurface | None]) -> None:
        """Look at these from now on. What was seen of others is forgotten. The context must be current."""
        # A tuple of a generator is allocated too large and then shortened, which the garbage collector counts.
        shown = [each for each in surfaces if each is not None and each.image is not None]
        self._surfaces = tuple(shown)
        for kind, looker in list(self._lookers.items()):
            if looker.loaded not in self._surfaces:
                del self._lookers[kind]
                looker.release()

    @property
    def needs_context(self) -> bool:
        """Whether the next look needs the context: the CPU cannot read one of the surfaces."""
        return any(each.by_cpu is None for each in self._lookers.values())

    def look(self, now_ns: int) -> Look | None:
        """Look at some pixels of each surface; None if there is no answer, see :class:`Look`. Raises nothing."""
        results = []
        for each in self._surfaces:
            kind = each.surface.plane.kind
            looker = self._lookers.get(kind)
            if looker is None:
                looker = self._lookers[kind] = _Looker(each)
            result = self._look_at(looker, now_ns)
            if result is not None:
                results.append(result)
        if not results:
            return None
        changed = [each.previous_ns for each in results if each.previous_ns is not None]
        seen_ns = min(each.seen_ns for each in results)
        draw, blind = any(each.draw for each in results), any(each.blind for each in results)
        return Look(draw, seen_ns, min(changed, default=None), blind)

    def _look_at(self, looker: _Looker, now_ns: int) -> Look | None:
        loaded = looker.loaded
        if looker.by_cpu is not None:
            try:
                return looker.by_cpu.look(loaded.surface.buffer, now_ns)
            except (OSError, ValueError, MemoryError) as error:
                if loaded.copied is not None and loaded.bridged is None:
                    # The draw cannot read it either, and says why.
                    return Look(True, now_ns, blind=True)
                _log.info("the GPU looks for changed pixels, as the CPU cannot: %s", error)
                looker.by_cpu = None
                # The next look may need a context that is not current now.
                return Look(True, now_ns)
        if not looker.failed:
            try:
                if looker.by_gpu is None:
                    looker.by_gpu = self._texture_samples(loaded)
                return looker.by_gpu.look(now_ns)
            except GlError as error:
                _log.info("nothing can look for changed pixels, so the picture is always drawn: %s", error)
                looker.failed = True
        return Look(True, now_ns, blind=True)

    def _texture_samples(self, loaded: LoadedSurface) -> TextureSamples | BridgedSamples:
        if loaded.bridged is not None:
            return loaded.bridged.samples()
        image = loaded.image
        assert image is not None
        return TextureSamples(self._context, self._compositor, self._reductions.of(image.texture), image)

    def release(self) -> None:
        """Delete everything, with the context current; more calls do nothing."""
        self.set_surfaces(())
        self._reductions.release()
