"""Endless motion with a pointer that stops at the screen's edge: it is moved back to the middle each time."""


class Warp:
    """Separates the user's motion from the jumps back to the middle.

    ``start`` is the pointer's position. ``middle`` is the position to which it was just moved. It must be moved back
    when it is farther than ``max_distance`` from there. All three are in the units of the positions.

    Events from before a jump may still arrive after it, and the window system may merge a jump and the motion after it
    into one event. A jump is longer than any motion. So an event belongs to the nearer of the old and the new
    position. This fails only if the user moves back near the middle before the jump is made, within milliseconds.
    """

    def __init__(self, start: tuple[float, float], middle: tuple[int, int], max_distance: float) -> None:
        self.middle = middle
        self._max_distance = max_distance
        self._last = start
        self._pending = True

    def moved(self, x: float, y: float) -> tuple[tuple[float, float], bool]:
        """A new position. Returns the user's motion, and whether the pointer must be moved back now."""
        if self._pending and _distance((x, y), self.middle) < _distance((x, y), self._last):
            self._pending = False
            self._last = self.middle
        motion = (x - self._last[0], y - self._last[1])
        self._last = (x, y)
        far = not self._pending and _distance((x, y), self.middle) > self._max_distance
        self._pending = self._pending or far
        return motion, far


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))
