"""The clock of a recording that is played: it runs at a speed, waits, steps and jumps."""

import time
from collections.abc import Callable

from app.replay.recording import Recording


class RecordingClock:
    """Tells the position in a recording, in nanoseconds from its start. It starts at the first :meth:`tick`.

    Implements :class:`app.open.session.Playback`. ``speed`` 0 goes to the next event at each tick. ``start_ns`` is the
    first position. ``clock`` counts nanoseconds.
    """

    def __init__(
        self,
        recording: Recording,
        speed: float = 1.0,
        start_ns: int = 0,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._recording = recording
        self._clock = clock
        self._speed = speed
        self._base_ns = max(0, min(start_ns, recording.duration_ns))
        # The clock's time at which the position was _base_ns; None while it waits.
        self._since_ns: int | None = None
        self.started = False
        self._paused = False

    @property
    def duration_ns(self) -> int:
        return self._recording.duration_ns

    @property
    def position_ns(self) -> int:
        if self._since_ns is None or not self._speed:
            return self._base_ns
        return min(self.duration_ns, self._base_ns + round((self._clock() - self._since_ns) * self._speed))

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def speed(self) -> float:
        return self._speed

    def tick(self) -> int:
        """A poll begins. Returns the position that holds for all of it."""
        if not self.started:
            self.started = True
            self._rebase(self._base_ns)
        elif not self._speed and not self._paused:
            following = self._recording.next_time(self._base_ns)
            self._base_ns = self.duration_ns if following is None else following
        return self.position_ns

    def pause(self) -> None:
        position = self.position_ns
        self._paused = True
        self._rebase(position)

    def resume(self) -> None:
        position = self.position_ns
        self._paused = False
        self._rebase(0 if position >= self.duration_ns else position)

    def step(self) -> None:
        position = self.position_ns
        self._paused = True
        following = self._recording.next_time(position)
        self._rebase(self.duration_ns if following is None else following)

    def seek(self, position_ns: int) -> None:
        self._rebase(max(0, min(position_ns, self.duration_ns)))

    def set_speed(self, speed: float) -> None:
        position = self.position_ns
        self._speed = max(0.0, speed)
        self._rebase(position)

    def _rebase(self, position_ns: int) -> None:
        self._base_ns = position_ns
        self._since_ns = None if self._paused or not self.started else self._clock()
