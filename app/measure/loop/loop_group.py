"""Several frame loops on one timer, for many small pictures on one surface.

Each loop has its own pace. The group steps it at whole multiples of its interval, so that all loops of one pace are
stepped at the same time: the program wakes once for all of them, and their pictures are drawn together. It is pure: the
clock is passed in.
"""

import time
from collections.abc import Callable, Mapping

from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.pacing import Pace

_MS = 1_000_000
_SECOND = 1000 * _MS

DRAW_INTERVAL_NS = _SECOND // 15
"""The least interval between two draws of a surface with thumbnails."""

THUMBNAIL_PACE = Pace(
    poll=_SECOND // 60,
    # Polls where each guest is expected to flip would wake the program for each loop at another time.
    poll_expected=_SECOND // 60,
    poll_at_rest=_SECOND // 10,
    poll_asleep=_SECOND // 4,
    poll_hidden=_SECOND // 4,
    redraw=_SECOND // 10,
    redraw_between_flips=_SECOND,
)
"""The pace of one loop. It sees up to 60 flips a second. A guest that draws into the buffer on the screen is drawn ten
times a second, and looked at four times a second when it is asleep."""


class LoopGroup:
    """Steps loops when they are due. The owner of a loop closes it, and removes it before. All calls in one thread.

    A loop whose picture is due calls :meth:`want_draw`. ``draw`` is then called soon, once for all of them, but not
    more often than once in ``draw_interval``. ``clock`` counts nanoseconds.
    """

    def __init__(
        self,
        draw: Callable[[], object],
        draw_interval: int = DRAW_INTERVAL_NS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._draw = draw
        self._draw_interval = draw_interval
        self._clock = clock
        self._due: dict[FrameLoop, int | None] = {}
        self._draw_wanted = False
        self._drawn_at = clock() - self._draw_interval

    def add(self, loop: FrameLoop) -> None:
        """Step this loop too, for the first time in the next :meth:`step`."""
        self._due[loop] = self._clock()

    def remove(self, loop: FrameLoop) -> None:
        """Never step this loop again; more calls do nothing."""
        self._due.pop(loop, None)

    def clear(self) -> None:
        """Never step any loop again."""
        self._due.clear()
        self._draw_wanted = False

    def wake(self, loop: FrameLoop) -> None:
        """Step this loop in the next :meth:`step`: its fd is readable, or its frame is gone."""
        if loop in self._due:
            self._due[loop] = self._clock()

    def retry(self, loop: FrameLoop, at_ns: int | None) -> None:
        """A part of its picture should be drawn again at this time, None for never."""
        due = self._due.get(loop)
        if at_ns is not None and loop in self._due and (due is None or at_ns < due):
            self._due[loop] = at_ns

    def want_draw(self) -> None:
        """Call ``draw`` soon."""
        self._draw_wanted = True

    @property
    def fds(self) -> Mapping[int, FrameLoop]:
        """The loop to wake when a fd is readable."""
        return {loop.fd: loop for loop in self._due if loop.fd >= 0}

    def step(self) -> int | None:
        """Step the loops that are due, and draw if that is due. Returns the time of the next step, None for never.

        The time is on the clock.
        """
        now = self._clock()
        for loop, due in list(self._due.items()):
            # A step may remove other loops.
            if due is None or due > now or loop not in self._due:
                continue
            wait = loop.step()
            if loop in self._due:
                self._due[loop] = None if wait is None or wait.ns is None else _aligned(now, wait.ns)
        if self._draw_wanted and now - self._drawn_at >= self._draw_interval:
            self._draw_wanted, self._drawn_at = False, now
            self._draw()
        return self.next_ns()

    def next_ns(self) -> int | None:
        """The time of the next step on the clock, None for never."""
        times = [due for due in self._due.values() if due is not None]
        if self._draw_wanted:
            times.append(self._drawn_at + self._draw_interval)
        return min(times, default=None)


def _aligned(now: int, interval: int) -> int:
    """The multiple of an interval that is nearest to the end of the interval that begins now.

    To round up would make each interval too long, because a step never begins exactly when it is due.
    """
    interval = max(interval, _MS)
    return (now + interval + interval // 2) // interval * interval
