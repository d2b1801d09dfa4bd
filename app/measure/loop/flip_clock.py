"""When a guest that flips at a regular rate will flip next. Pure code."""

# Each error of a prediction changes the interval by this part of it.
_CORRECTION = 8
# A flip that is this part of the interval away from its prediction is not regular.
_TOLERANCE = 8
_ENOUGH = 2
# So many flips in a row that are not regular are the beginning of another rate. One alone is a late one.
_MOST_LATE = 3


class FlipClock:
    """Predicts the next flip from the last ones. Times are nanoseconds of one clock.

    Each flip is known to lie between two polls. A prediction between them cannot be improved; one outside is moved to
    the nearer poll. So the clock becomes more exact than the polls are dense.
    """

    def __init__(self) -> None:
        self._flip_ns: int | None = None
        self._interval = 0
        self._regular = 0
        self._late = 0

    def flipped(self, earliest_ns: int, latest_ns: int) -> None:
        """The guest flipped between these times."""
        if self._flip_ns is None:
            self._flip_ns = latest_ns
            return
        predicted = self._flip_ns + self._interval
        flip = min(max(predicted, earliest_ns), latest_ns)
        error = flip - predicted
        if self._interval and abs(error) <= self._interval // _TOLERANCE:
            self._regular, self._late = self._regular + 1, 0
            self._interval += error // _CORRECTION
        else:
            flip = (earliest_ns + latest_ns) // 2
            self._late += 1
            if self._regular < _ENOUGH or self._late >= _MOST_LATE:
                self._regular, self._late = 0, 0
                self._interval = max(0, flip - self._flip_ns)
        self._flip_ns = flip

    @property
    def expected_ns(self) -> int | None:
        """When the next flip is expected; None if the last ones were not regular."""
        if self._flip_ns is None or self._regular < _ENOUGH:
            return None
        return self._flip_ns + self._interval
