"""Values that hold from one time to the next."""

from bisect import bisect_right
from typing import Generic, TypeVar

T = TypeVar("T")


class Timeline(Generic[T]):
    """Values with the times from which they hold. Times are nanoseconds from the start of the recording."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._values: list[T] = []

    def add(self, ns: int, value: T) -> None:
        """``value`` holds from ``ns`` on, which is not before the last one's time. The last one of a time counts."""
        if self._times and self._times[-1] == ns:
            self._values[-1] = value
            return
        self._times.append(ns)
        self._values.append(value)

    def at(self, ns: int) -> T:
        """The value at that time. Before the first one's time it is the first one: it was not asked for earlier."""
        return self._values[max(0, bisect_right(self._times, ns) - 1)]

    def values(self) -> list[T]:
        """Every value, the earliest first."""
        return self._values
