"""What several renderers of one context share: a program is then compiled once, and an import is tried once."""

import time
from collections.abc import Callable

from gl.compositor import Compositor
from gl.context import Context
from gl.import_trials import ImportTrials
from gl.probe_draw import ProbeDraw


class SharedParts:
    """Owns the compositor, the test draws and the import trials of one context, which must be current.

    ``clock`` gives nanoseconds, for the pauses before a trial is tried again.
    """

    def __init__(self, context: Context, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.compositor = Compositor(context)
        self.probe = ProbeDraw(context, self.compositor)
        self.trials = ImportTrials(context, clock)

    def release(self) -> None:
        """Delete everything; more calls do nothing. First release the renderers that use it."""
        self.trials.release()
        self.probe.release()
        self.compositor.release()
