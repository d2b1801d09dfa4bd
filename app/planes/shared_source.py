"""One frame source for several consumers, for example for a window and a thumbnail of one device.

This program opens a device once: a second open would be busy for some devices, and for others the second fetch of a
buffer would be refused. So the consumers share the source, and the last one that closes its share closes the source.

Each share has a fd of its own, which is readable when its consumer has missed something: the source has a new frame, or
another share has taken it. So nobody must poll a source that tells of its changes.
"""

import os
import select
from collections.abc import Callable
from contextlib import suppress

from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.status import State


class SharedSource:
    """Owns ``source``, and closes it with the last share. Not thread-safe.

    ``gone`` is called once, when a consumer sees that the source is gone. The others should then poll their shares
    soon, because what they made from the buffers keeps the device in use.
    """

    def __init__(self, source: FrameSource, gone: Callable[[], object] = lambda: None) -> None:
        self.source = source
        self._gone = gone
        self._gone_seen = False
        self._frame: Frame | None = None
        self._open: list[SourceShare] = []

    def share(self) -> "SourceShare":
        """A share for one more consumer."""
        made = SourceShare(self)
        self._open.append(made)
        return made

    @property
    def shares(self) -> int:
        """How many shares are open."""
        return len(self._open)

    def poll(self, share: "SourceShare") -> Frame:
        """Poll the source for a share. The others are told of a new frame, as then the source's fd is silent."""
        frame = self.source.latest()
        if frame is not self._frame:
            self._frame = frame
            for each in self._open:
                if each is not share:
                    each.wake()
        if frame.status.state is State.GONE and not self._gone_seen:
            self._gone_seen = True
            self._gone()
        return frame

    def remove(self, share: "SourceShare") -> None:
        """A share was closed."""
        self._open.remove(share)
        if not self._open:
            self.source.close()


class SourceShare:
    """A consumer's share: a :class:`app.planes.frame_source.FrameSource`. Made by :meth:`SharedSource.share`.

    If no fd is left for it, it has none, and must be polled.
    """

    def __init__(self, shared: SharedSource) -> None:
        self._shared = shared
        self._source = shared.source
        self._frame: Frame | None = None
        self._closed = False
        self._watched = -1
        self._missed, self._epoll = _wake_up()
        self._watch()

    @property
    def tells_damage(self) -> bool:
        """A share without a fd is not told of changes."""
        return self._source.tells_damage and self._epoll is not None

    def latest(self) -> Frame:
        if not self._closed or self._frame is None:
            if self._missed >= 0:
                with suppress(BlockingIOError):
                    os.eventfd_read(self._missed)
            self._frame = self._shared.poll(self)
            self._watch()
        return self._frame

    def fileno(self) -> int:
        return self._epoll.fileno() if self._epoll is not None else -1

    def wake(self) -> None:
        """Another share has taken a new frame."""
        if self._missed >= 0:
            os.eventfd_write(self._missed, 1)

    def shown(self, frame: Frame, ns: int) -> None:
        self._source.shown(frame, ns)

    def release_buffers(self) -> None:
        """Release the buffers, unless other consumers use them. A source that is gone has released them already."""
        if not self._closed and self._shared.shares == 1:
            self._source.release_buffers()

    def close(self) -> None:
        """Close the share; more calls do nothing."""
        if not self._closed:
            self._closed = True
            epoll, self._epoll = self._epoll, None
            if epoll is not None:
                epoll.close()
            missed, self._missed = self._missed, -1
            if missed >= 0:
                os.close(missed)
            self._shared.remove(self)

    def _watch(self) -> None:
        """Wait for the source's fd of now too. It may be another file of the same number."""
        fd, epoll = self._source.fileno(), self._epoll
        if epoll is None:
            return
        if self._watched not in (fd, -1):
            # A file that was closed is not watched any more.
            with suppress(OSError):
                epoll.unregister(self._watched)
        self._watched = fd
        if fd >= 0:
            try:
                epoll.modify(fd, select.EPOLLIN)
            except FileNotFoundError:
                epoll.register(fd, select.EPOLLIN)


def _wake_up() -> tuple[int, select.epoll | None]:
    """An eventfd, and what waits for it; -1 and None if no fd is left."""
    try:
        missed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    except OSError:
        return -1, None
    try:
        epoll = select.epoll()
        epoll.register(missed, select.EPOLLIN)
    except OSError:
        os.close(missed)
        return -1, None
    return missed, epoll
