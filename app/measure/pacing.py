"""When to poll and when to draw: pure, on an injected time.

A guest's flip should be submitted within a millisecond. So the device is polled every millisecond while its guest
flips, and a change is drawn at once. A guest at rest is polled less often. A polled device does not tell damage: the
guest may draw into the buffer on the screen. So an unchanged frame is drawn again at the display's refresh rate. While
the guest flips this is done less often: the guest shows its changes by flips, and a needless draw would delay the next
one.
"""

from dataclasses import dataclass

_MS = 1_000_000
_SECOND = 1000 * _MS


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals in nanoseconds.

    A guest is at rest after ``rest_after`` without a change (someone may be typing), and asleep after ``sleep_after``.
    """

    poll: int = 1 * _MS
    poll_at_rest: int = 4 * _MS
    poll_asleep: int = 16 * _MS
    rest_after: int = _SECOND // 2
    sleep_after: int = 5 * _SECOND
    redraw: int = _SECOND // 60
    redraw_between_flips: int = _SECOND // 10


class Pacer:
    """Decides when to poll and when to draw again. Times are nanoseconds of one monotonic clock."""

    def __init__(self, pace: Pace, now: int) -> None:
        self.pace = pace
        self._changed_at = now
        self._flipped_at = now - pace.rest_after
        self._drawn_at = now - pace.redraw

    def changed(self, now: int, *, flipped: bool) -> None:
        """A poll found a new frame; ``flipped`` tells that its primary plane is in another buffer."""
        self._changed_at = now
        if flipped:
            self._flipped_at = now

    def drawn(self, now: int) -> None:
        """The picture was submitted."""
        self._drawn_at = now

    def redraw_due(self, now: int) -> bool:
        """Whether to draw an unchanged frame again, because the guest may have drawn into its buffer."""
        flipping = now - self._flipped_at < self.pace.rest_after
        return now - self._drawn_at >= (self.pace.redraw_between_flips if flipping else self.pace.redraw)

    def next_poll(self, now: int) -> int:
        """The time until the next poll, in nanoseconds."""
        quiet = now - self._changed_at
        if quiet < self.pace.rest_after:
            return self.pace.poll
        return self.pace.poll_at_rest if quiet < self.pace.sleep_after else self.pace.poll_asleep
