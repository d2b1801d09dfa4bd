"""Whether what is shown is still there: the VM it belongs to, the device itself."""

import time
from collections.abc import Callable

from app.host.process import Process
from app.planes.status import Reason, Status

# How often sysfs is asked; a process's end costs one system call to see and is looked for every time.
_PRESENCE_NS = 250_000_000


class Liveness:
    """Says once and for all why there is nothing more to come; None until then. Cheap enough for every poll.

    ``who`` names the process for a person. ``clock`` is in nanoseconds.
    """

    def __init__(
        self,
        present: Callable[[], bool] | None = None,
        process: Process | None = None,
        who: str = "",
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._present = present
        self._process = process
        self._who = who
        self._clock = clock
        self._look_at_ns = clock() + _PRESENCE_NS
        self._end: Status | None = None

    def __call__(self) -> Status | None:
        if self._end is None:
            self._end = self._look()
        return self._end

    def _look(self) -> Status | None:
        # First: the device of a VM that ended may go with it, and the VM's end is what a person knows of.
        if self._process is not None and self._process.ended():
            return Status(Reason.VM_ENDED, f"{self._who} ended")
        if self._present is None:
            return None
        now = self._clock()
        if now < self._look_at_ns:
            return None
        self._look_at_ns = now + _PRESENCE_NS
        return None if self._present() else Status(Reason.DEVICE_REMOVED)
