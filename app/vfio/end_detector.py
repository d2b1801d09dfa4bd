"""Whether a device still exists, and the VM that it belongs to."""

import time
from collections.abc import Callable

from app.host.process import Process
from app.planes.status import Reason, Status

# How often sysfs is read. Whether a process has ended costs one system call, and is checked every time.
_PRESENCE_NS = 250_000_000


class EndDetector:
    """Called, it tells why no more frames will come; None while some may. It is cheap enough for every poll.

    Once it has told why, the answer stays.
    ``present`` tells whether the device exists. ``process_text`` names the process in messages. ``clock`` is in
    nanoseconds.
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
        # First: the device of a VM that has ended may vanish with it, and a person knows of the VM's end.
        if self._process is not None and self._process.ended():
            return Status(Reason.VM_ENDED, f"{self._process_text} ended")
        if self._present is None:
            return None
        now = self._clock()
        if now < self._check_at_ns:
            return None
        self._check_at_ns = now + _PRESENCE_NS
        return None if self._present() else Status(Reason.DEVICE_REMOVED)
