"""A frame source without planes: it shows a status while there is no device."""

import os
from contextlib import suppress

from app.planes.frame import Frame
from app.planes.status import Status


class StatusSource:
    """A :class:`app.planes.frame_source.FrameSource` whose frames come from :meth:`set`.

    Owns an eventfd. If no fd is left, it has none, and the consumer polls it at the pacer's pace.
    """

    tells_damage = True

    def __init__(self, status: Status) -> None:
        self._frame = Frame(status)
        self._closed = False
        try:
            self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except OSError:
            self._fd = -1

    def set(self, status: Status) -> None:
        """Show another status from now on."""
        if status != self._frame.status and not self._closed:
            self._frame = Frame(status, serial=self._frame.serial + 1)
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def latest(self) -> Frame:
        if self._fd >= 0:
            with suppress(BlockingIOError):
                os.eventfd_read(self._fd)
        return self._frame

    def fileno(self) -> int:
        return self._fd

    def shown(self, frame: Frame, ns: int) -> None:
        """Does nothing: no guest waits for this."""

    def release_buffers(self) -> None:
        """Does nothing: there are no buffers."""

    def close(self) -> None:
        self._closed = True
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
