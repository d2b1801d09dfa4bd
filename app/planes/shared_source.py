"""One frame source for several consumers, for example for a window and a thumbnail of one device.

This program opens a device once: a second open would be busy for some devices, and for others the second fetch of a
buffer would be refused. So the consumers share the source, and the last one that closes its share closes the source.
"""

from collections.abc import Callable

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
        self._open: list[SourceShare] = []

    def share(self) -> "SourceShare":
        """A share for one more consumer. It gets the source's fd; the other shares have none from now on."""
        made = SourceShare(self)
        self._open.append(made)
        return made

    @property
    def shares(self) -> int:
        """How many shares are open."""
        return len(self._open)

    def newest_is(self, share: "SourceShare") -> bool:
        """Whether this is the newest open share: Qt lets only one object watch a fd."""
        return bool(self._open) and self._open[-1] is share

    def poll(self) -> Frame:
        """Poll the source for a share."""
        frame = self.source.latest()
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
    """A consumer's share: a :class:`app.planes.frame_source.FrameSource`. Made by :meth:`SharedSource.share`."""

    def __init__(self, shared: SharedSource) -> None:
        self._shared = shared
        self._source = shared.source
        self._frame: Frame | None = None
        self._closed = False

    @property
    def tells_damage(self) -> bool:
        """A share without the fd is not told of changes."""
        return self._source.tells_damage and self._shared.newest_is(self)

    def latest(self) -> Frame:
        if not self._closed or self._frame is None:
            self._frame = self._shared.poll()
        return self._frame

    def fileno(self) -> int:
        return self._source.fileno() if self._shared.newest_is(self) else -1

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
            self._shared.remove(self)
