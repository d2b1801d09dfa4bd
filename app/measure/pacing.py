"""When to poll and when to draw: pure, on an injected time.

A guest's flip is to be on its way to the screen within a millisecond, so while a guest flips the device is asked
every millisecond and drawn at once when something changed. A guest at rest is asked less often. There is no
damage signal: a guest may draw into the buffer on screen, so an unchanged frame is drawn again at the pace of the
display. Not so while the guest flips: then it shows its changes that way, and a needless draw would occupy the
display when the next flip comes.
"""

from dataclasses import dataclass

_MS = 1_000_000
_SECOND = 1000 * _MS


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals in nanoseconds.

    A guest counts as at rest ``rest_after`` its last change (someone may be typing), as asleep ``sleep_after`` it.
    """

    poll: int = 1 * _MS
    poll_at_rest: int = 4 * _MS
    poll_asleep: int = 16 * _MS
    rest_after: int = _SECOND // 2
    sleep_after: int = 5 * _SECOND
    redraw: int = _SECOND // 60
    redraw_between_flips: int = _SECOND // 10


class Pacer:
    """Decides from what was seen. Times are of one monotonic clock, in nanoseconds."""

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
        """Whether an unchanged frame should be drawn again, for what the guest may have drawn into it."""
        flipping = now - self._flipped_at < self.pace.rest_after
        return now - self._drawn_at >= (self.pace.redraw_between_flips if flipping else self.pace.redraw)

    def next_poll(self, now: int) -> int:
        """How long to wait until the next poll, in nanoseconds."""
        quiet = now - self._changed_at
        if quiet < self.pace.rest_after:
            return self.pace.poll
        return self.pace.poll_at_rest if quiet < self.pace.sleep_after else self.pace.poll_asleep
