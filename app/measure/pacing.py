"""When to poll and when to draw: pure, on an injected time.

A guest's flip should be submitted within a millisecond. So the device is polled every millisecond while its guest
flips, and a change is drawn at once. A guest at rest is polled less often. A polled device has no damage signal: the
guest may draw into the buffer on the screen. So an unchanged frame is drawn again at the display's refresh rate, but
not while the guest flips: it then shows its changes by flips, and a needless draw would delay the next one.
"""

from dataclasses import dataclass

_MS = 1_000_000
_SECOND = 1000 * _MS


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals in nanoseconds.

    A guest is at rest ``rest_after`` its last change (someone may be typing), and asleep ``sleep_after`` it.
    """

    poll: int = 1 * _MS
    poll_at_rest: int = 4 * _MS
    poll_asleep: int = 16 * _MS
    rest_after: int = _SECOND // 2
    sleep_after: int = 5 * _SECOND
    redraw: int = _SECOND // 60
    redraw_between_flips: int = _SECOND // 10


class Pacer:
    """Decides when to poll and redraw. Times are of one monotonic clock, in nanoseconds."""

    def __init__(self, pace: Pace, now: int) -> None:
        self.pace = pace
        self._changed_at = now
        self._flipped_at = now - pace.rest_after
        self._drawn_at = now - pace.redraw

    def changed(self, now: int, *, flipped: bool) -> None:
        """A poll found another frame; ``flipped`` tells that its primary plane is in another buffer."""
        self._changed_at = now
        if flipped:
            self._flipped_at = now

    def drawn(self, now: int) -> None:
        """The picture was submitted."""
        self._drawn_at = now

    def redraw_due(self, now: int) -> bool:
        """Whether to draw an unchanged frame again, as the guest may have drawn into its buffer."""
        flipping = now - self._flipped_at < self.pace.rest_after
        return now - self._drawn_at >= (self.pace.redraw_between_flips if flipping else self.pace.redraw)

    def next_poll(self, now: int) -> int:
        """How long to wait until the next poll, in nanoseconds."""
        quiet = now - self._changed_at
        if quiet < self.pace.rest_after:
            return self.pace.poll
        return self.pace.poll_at_rest if quiet < self.pace.sleep_after else self.pace.poll_asleep
