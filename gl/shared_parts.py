"""What several renderers of one context share: a program is then compiled once, and an import is tried once."""

import time
from collections.abc import Callable

from gl.bridge import Bridge
from gl.compositor import Compositor
from gl.context import Context
from gl.egl_display import DisplayOrigin
from gl.import_trials import ImportTrials
from gl.probe_draw import ProbeDraw


class SharedParts:
    """Owns the compositor, the test draws, the import trials and the bridges of one context, which must be current.

    ``clock`` gives nanoseconds, for the pauses before a trial is tried again.
    """

    def __init__(self, context: Context, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.compositor = Compositor(context)
        self.probe = ProbeDraw(context, self.compositor)
        self.trials = ImportTrials(context, clock)
        self._context = context
        self._clock = clock
        self._bridges: dict[DisplayOrigin, Bridge] = {}

    def bridge(self, origin: DisplayOrigin) -> Bridge:
        """The bridge to a GPU: one for all renderers. Nothing is opened before it is needed."""
        bridge = self._bridges.get(origin)
        if bridge is None:
            bridge = self._bridges[origin] = Bridge(self._context, origin, self._clock)
        return bridge

    def release(self) -> None:
        """Delete everything; more calls do nothing. First release the renderers that use it."""
        for each in self._bridges.values():
            each.release()
        self.trials.release()
        self.probe.release()
        self.compositor.release()
