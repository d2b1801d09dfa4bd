"""Frames per second, counted over the last second."""

from collections import deque

_SECOND = 1_000_000_000


class Rate:
    """Counts the events of the last second. Times are nanoseconds of one clock."""

    def __init__(self) -> None:
        self._times: deque[int] = deque()

    def add(self, now: int) -> None:
        self._times.append(now)
        self._forget(now)

    def per_second(self, now: int) -> int:
        self._forget(now)
        return len(self._times)

    def _forget(self, now: int) -> None:
        while self._times and now - self._times[0] >= _SECOND:
            self._times.popleft()
