"""Detects the end of a device or of its VM."""

import time
from collections.abc import Callable

from app.host.process import Process
from app.planes.status import Reason, Status

# sysfs is read in this interval. The end of a process costs one system call and is checked every time.
_PRESENCE_NS = 250_000_000


class EndDetector:
    """A call returns the reason why no more frames will come; None while some may. It is cheap enough for every poll.

    Once it has returned a reason, it always returns that reason. ``present`` tells whether the device exists.
    ``process_text`` is the name of the process in messages. ``clock`` is in nanoseconds.
    """

    def __init__(
        self,
        present: Callable[[], bool] | None = None,
        process: Process | None = None,
        process_text: str = "",
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._present = present
        self._process = process
        self._process_text = process_text
        self._clock = clock
        self._check_at_ns = clock() + _PRESENCE_NS
        self._end: Status | None = None

    def __call__(self) -> Status | None:
        if self._end is None:
            self._end = self._check()
        return self._end

    def _check(self) -> Status | None:
        # The VM is checked first: its device may vanish with it, but the user wants to know that the VM ended.
        if self._process is not None and self._process.ended():
            return Status(Reason.VM_ENDED, f"{self._process_text} ended")
        if self._present is None:
            return None
        now = self._clock()
        if now < self._check_at_ns:
            return None
        self._check_at_ns = now + _PRESENCE_NS
        return None if self._present() else Status(Reason.DEVICE_REMOVED)
