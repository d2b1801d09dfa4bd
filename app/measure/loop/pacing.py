"""When to poll, when to look at the pixels and when to draw: pure, on an injected time.

**Polls.** A guest's flip should be submitted within a millisecond. So the device is polled every millisecond while its
guest flips or its user types, and a flip is drawn at once. Most guests flip at a regular rate: around the time of the
next flip (:mod:`app.measure.loop.flip_clock`) the polls are five times as dense. At 60 flips a second this took the
median of flip to poll from 0.83 to 0.30 ms, for 2 % more polls. A guest at rest is polled less often, a hidden one
rarely.

**Draws.** A polled device does not tell damage: the guest may draw into the buffer on the screen. While the guest is
*active* an unchanged frame is drawn again at the display's refresh rate, because a change that is drawn a refresh later
is a slower guest. While the guest flips this is done less often: it shows its changes by flips, and a needless draw
would delay the next one. A guest is active for half a second after a flip, a changed cursor, a changed pixel or its
user's input. A guest that is not active is not drawn at all.

**Looks.** What makes a guest active without a flip is a look at its pixels (:mod:`app.planes.pixel_samples`), at the
display's refresh rate or at the polls' if those are slower. So the first change is found and drawn within one interval.
A look costs little where the CPU reads memory, and much where it is across a bus. So looks take one part in
``probe_share`` of the time at most, but are never more than ``probe_longest`` apart.
"""

from dataclasses import dataclass
from typing import Self

from app.measure.loop.flip_clock import FlipClock

_MS = 1_000_000
_SECOND = 1000 * _MS
_REDRAW = _SECOND // 60


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals in nanoseconds.

    A guest that flips regularly is polled every ``poll_expected`` from ``expect_early`` before its next flip until
    ``expect_late`` after it, if that is less than ``poll``. A guest is at rest after ``rest_after`` without a change
    (someone may be typing), and asleep after ``sleep_after``. ``steps_down``: whether it is then polled and drawn less
    often.
    """

    poll: int = 1 * _MS
    poll_expected: int = _MS // 5
    expect_early: int = 3 * _MS // 10
    expect_late: int = 1 * _MS
    poll_at_rest: int = 4 * _MS
    poll_asleep: int = 25 * _MS
    poll_hidden: int = 100 * _MS
    rest_after: int = _SECOND // 2
    sleep_after: int = 5 * _SECOND
    redraw: int = _REDRAW
    redraw_between_flips: int = _SECOND // 10
    probe_share: int = 64
    probe_longest: int = 128 * _MS
    steps_down: bool = True

    @classmethod
    def fixed(cls, poll: int, redraw: int = _REDRAW) -> Self:
        """Poll every ``poll`` nanoseconds whatever happens, as QEMU's own display does (16 to 30 ms).

        An unchanged frame is drawn again after ``redraw`` or at each poll, whichever is longer, and its pixels are
        never looked at.
        """
        again = max(poll, redraw)
        return cls(
            poll=poll,
            poll_at_rest=poll,
            poll_asleep=poll,
            poll_hidden=poll,
            redraw=again,
            redraw_between_flips=again,
            steps_down=False,
        )


def pace_of(poll: int | None, redraw: int = _REDRAW) -> Pace:
    """The pace with a fixed interval of polls, or (None) the one that follows the guest. In nanoseconds."""
    return Pace(redraw=redraw) if poll is None else Pace.fixed(poll, redraw)


class Pacer:
    """Decides when to poll, to look and to draw again. Times are nanoseconds of one monotonic clock."""

    def __init__(self, pace: Pace, now: int) -> None:
        self.pace = pace
        self._changed_at = now
        self._active_at = now
        self._flipped_at = now - pace.rest_after
        self._drawn_at = now - pace.redraw
        self._probed_at = now - pace.redraw
        self._probe_pause = 0
        self._visible = True
        self._flip_clock = FlipClock()

    def changed(self, now: int, *, flipped: bool, since: int | None = None) -> None:
        """A poll found a new frame; ``flipped`` tells that its primary plane is in another buffer.

        ``since`` is the time of the poll before, None if it is not known.
        """
        self._changed_at = self._active_at = now
        if flipped:
            self._flipped_at = now
            self._flip_clock.flipped(now if since is None else since, now)

    def pixels_changed(self, now: int) -> None:
        """A look found changed pixels."""
        self._active_at = now

    def woken(self, now: int) -> None:
        """The user sent input, to which the guest will probably react, or the window is visible again."""
        self._changed_at = self._active_at = now

    def drawn(self, now: int) -> None:
        """The picture was submitted."""
        self._drawn_at = now

    def probed(self, began: int, ended: int) -> None:
        """The pixels were looked at."""
        self._probed_at = began
        self._probe_pause = min((ended - began) * self.pace.probe_share, self.pace.probe_longest)

    def set_visible(self, visible: bool) -> None:
        """Whether anybody can see the picture."""
        self._visible = visible

    def redraw_due(self, now: int, *, looked_at: bool = True) -> bool:
        """Whether to draw an unchanged frame again, because the guest may have drawn into its buffer.

        ``looked_at``: the pixels are looked at, so that a guest at rest need not be drawn.
        """
        pace = self.pace
        at_rest = looked_at and pace.steps_down and now - self._active_at >= pace.rest_after
        if not self._visible or at_rest:
            return False
        flipping = now - self._flipped_at < pace.rest_after
        return now - self._drawn_at >= (pace.redraw_between_flips if flipping else pace.redraw)

    def probe_due(self, now: int) -> bool:
        """Whether to look at the pixels of an unchanged frame."""
        pace = self.pace
        if not self._visible or not pace.steps_down:
            return False
        flipping = now - self._flipped_at < pace.rest_after
        interval = pace.redraw_between_flips if flipping else pace.redraw
        # Half a millisecond early rather than a whole poll late: timers have milliseconds.
        return now - self._probed_at >= max(interval, self._probe_pause) - _MS // 2

    def next_poll(self, now: int) -> int:
        """The time until the next poll, in nanoseconds."""
        pace = self.pace
        if not self._visible:
            return pace.poll_hidden
        if now - self._changed_at < pace.rest_after:
            return self._next_active_poll(now)
        if now - self._active_at < pace.sleep_after or now - self._changed_at < pace.sleep_after:
            return pace.poll_at_rest
        return pace.poll_asleep

    def _next_active_poll(self, now: int) -> int:
        pace = self.pace
        expected = self._flip_clock.expected_ns if pace.steps_down else None
        if expected is None or pace.poll_expected >= pace.poll:
            return pace.poll
        until = expected - pace.expect_early - now
        if until > 0:
            return min(pace.poll, until)
        return pace.poll_expected if now <= expected + pace.expect_late else pace.poll
