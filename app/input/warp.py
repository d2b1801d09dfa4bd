"""Endless motion from a pointer that ends at the screen's edge: it is put back to the middle, again and again."""


class Warp:
    """Tells the user's motion from the jumps back.

    ``start`` is where it is now, ``middle`` where it was just put, ``reach`` how far it may go from there before it is
    put back. All in the units of the positions.
    Motion that was on its way before a jump still comes from the old place, and a jump may come as one event with the
    motion after it. As a jump is longer than any step, a position belongs to the place that it is nearer to.
    """

    def __init__(self, start: tuple[float, float], middle: tuple[int, int], reach: float) -> None:
        self.middle = middle
        self._reach = reach
        self._last = start
        self._pending = True

    def moved(self, x: float, y: float) -> tuple[tuple[float, float], bool]:
        """A new position: the way that the hand went, and whether the pointer must be put back now."""
        if self._pending and _distance((x, y), self.middle) < _distance((x, y), self._last):
            self._pending = False
            self._last = self.middle
        way = (x - self._last[0], y - self._last[1])
        self._last = (x, y)
        far = not self._pending and _distance((x, y), self.middle) > self._reach
        self._pending = self._pending or far
        return way, far


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))
