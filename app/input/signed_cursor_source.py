"""A frame source whose cursor has the sign that the driver lost (:mod:`app.input.cursor_sign`)."""

import time
from collections.abc import Callable
from dataclasses import replace

from app.input.cursor_sign import SignedAxis
from app.planes.frame import Frame, Surface
from app.planes.frame_source import FrameSource

# A guest has moved its cursor, and the driver reports it, some frames after the pointer was sent.
_SETTLED_NS = 150_000_000
# After the pointer left the picture, the guest's pointer stays where it is until somebody else moves it.
_KNOWN_NS = 1_000_000_000


class SentPointer:
    """The guest's pixel to which the pointer was sent last. Times are nanoseconds of ``time.monotonic_ns()``."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._pixel: tuple[int, int] | None = None
        # When each axis got its value, and when the pointer left the picture.
        self._since_ns = (0, 0)
        self._left_ns: int | None = None

    def sent(self, pixel: tuple[int, int]) -> None:
        """The pointer was sent to this pixel of the guest's screen."""
        now, before = self._clock(), self._pixel
        if before is None:
            self._since_ns = (now, now)
        else:
            x, y = (then if old == new else now for then, old, new in zip(self._since_ns, before, pixel, strict=True))
            self._since_ns = (x, y)
        self._pixel, self._left_ns = pixel, None

    def left(self) -> None:
        """The pointer left the picture: others may move the guest's pointer from now on."""
        if self._left_ns is None:
            self._left_ns = self._clock()

    def known(self) -> tuple[tuple[int, bool], tuple[int, bool]] | None:
        """The pixel on each axis, and whether the guest has moved its cursor there; None if it may be elsewhere."""
        now = self._clock()
        if self._pixel is None or (self._left_ns is not None and now - self._left_ns > _KNOWN_NS):
            return None
        x, y = ((value, now - since >= _SETTLED_NS) for value, since in zip(self._pixel, self._since_ns, strict=True))
        return x, y


class SignedCursorSource:
    """Implements :class:`app.planes.frame_source.FrameSource`. Owns ``source``.

    A cursor at the left or upper edge is at the side of it that agrees with ``pointer``. Where that is not known, it
    stays as the driver reports it. What was decided for a position holds until the driver reports another one.
    """

    def __init__(self, source: FrameSource, pointer: SentPointer) -> None:
        self._source = source
        self._pointer = pointer
        self._axes = (SignedAxis(), SignedAxis())
        # The cursor as the driver reports it, and as it is given.
        self._reported: Surface | None = None
        self._cursor: Surface | None = None
        # The source's last frame, and what was made of it.
        self._seen: Frame | None = None
        self._given: Frame | None = None

    @property
    def tells_damage(self) -> bool:
        return self._source.tells_damage

    def latest(self) -> Frame:
        frame = self._source.latest()
        cursor = self._signed(frame.cursor)
        if frame is not self._seen or self._given is None or cursor is not self._given.cursor:
            self._seen = frame
            self._given = frame if cursor is frame.cursor else replace(frame, cursor=cursor)
        return self._given

    def fileno(self) -> int:
        return self._source.fileno()

    def shown(self, frame: Frame, ns: int) -> None:
        self._source.shown(frame, ns)

    def release_buffers(self) -> None:
        self._reported = self._cursor = self._seen = self._given = None
        self._source.release_buffers()

    def close(self) -> None:
        self._source.close()

    def _signed(self, cursor: Surface | None) -> Surface | None:
        if cursor is None:
            return None
        if cursor is not self._reported:
            if self._reported is None or cursor.key != self._reported.key:
                for axis in self._axes:
                    axis.forget()
            self._reported = self._cursor = cursor
        known = self._pointer.known()
        if known is None:
            return self._cursor
        plane, (x_axis, y_axis) = cursor.plane, self._axes
        (sent_x, settled_x), (sent_y, settled_y) = known
        x = x_axis.place(plane.x, plane.width, plane.hot_x, sent_x, settled=settled_x)
        y = y_axis.place(plane.y, plane.height, plane.hot_y, sent_y, settled=settled_y)
        given = self._cursor
        if given is None or (given.plane.x, given.plane.y) != (x, y):
            same = (x, y) == (plane.x, plane.y)
            given = self._cursor = cursor if same else Surface(replace(plane, x=x, y=y), cursor.buffer)
        return given
