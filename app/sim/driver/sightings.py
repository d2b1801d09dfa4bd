"""Which flip each query of the primary plane saw, in fixed memory.

The guest flips among few framebuffers, so the same handle comes again after some flips: a handle does not identify a
flip. The time of the query does.
"""

from collections import deque
from dataclasses import dataclass

# At 1000 flips a second the last four seconds. A flip is asked for as soon as its picture was drawn.
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Sighting:
    """The first query that saw a flip. All times are nanoseconds of one clock."""

    handle: int
    flip_ns: int
    query_ns: int


class Sightings:
    """The flips that queries saw. ``count`` is their number, also of those that are forgotten.

    ``lost`` is how many flips between two that were seen no query saw.
    """

    def __init__(self) -> None:
        self.count = 0
        self.lost = 0
        self._flips = 0
        self._last: deque[_Sighting] = deque(maxlen=_KEPT)

    def add(self, handle: int, flip_ns: int, query_ns: int, flips: int) -> None:
        """A query returned ``handle``. The guest flipped to its framebuffer at ``flip_ns``; it was flip ``flips``."""
        last = self._last[-1] if self._last else None
        if last is not None and (last.handle, last.flip_ns) == (handle, flip_ns):
            return
        self.count += last is None or last.flip_ns != flip_ns
        if last is not None:
            self.lost += max(0, flips - self._flips - 1)
        self._flips = flips
        self._last.append(_Sighting(handle, flip_ns, query_ns))

    def of_handle(self, handle: int) -> int | None:
        """The flip that the last query saw that returned this handle."""
        return next((each.flip_ns for each in reversed(self._last) if each.handle == handle), None)

    def of_poll(self, handle: int | None, begin_ns: int, end_ns: int) -> int | None:
        """The flip that a poll between these times saw, which found the handle.

        None if that poll was too long ago. If the poll's query saw no new flip, an earlier query saw it.
        """
        for each in reversed(self._last):
            if each.query_ns > end_ns:
                continue
            if each.handle == handle:
                return each.flip_ns
            if each.query_ns < begin_ns:
                break
        return None
