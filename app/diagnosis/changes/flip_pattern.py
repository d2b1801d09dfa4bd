"""Among which buffers a plane flips, and how often: told when that changes, not at each flip."""

from dataclasses import dataclass

_SECOND = 1_000_000_000
# After this long without a flip a plane stands still. It is also the shortest time over which a rate is told.
_PAUSE_NS = _SECOND
_REPORT_NS = 10 * _SECOND
# With more ids than this, new ones are no news.
_MANY_IDS = 16
_MOST_KNOWN = 1024


@dataclass(frozen=True, slots=True)
class Flips:
    """``ids`` are those that were shown, sorted; ``last`` is shown now. ``rate_hz`` is None if the flips stopped."""

    ids: tuple[int, ...]
    last: int
    rate_hz: float | None


class FlipPattern:
    """Counts the flips of one plane while its layout stays the same. Times are nanoseconds."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._reported: frozenset[int] = frozenset()
        # Since the last report: the ids, the flips, and how many of them were not told.
        self._ids: set[int] = set()
        self._flips = 0
        self._untold = 0
        # None while nothing flips.
        self._began_ns: int | None = None
        self._last = 0
        self._last_ns: int | None = None

    @property
    def due_ns(self) -> int | None:
        """When :meth:`report` may have something to tell; None for never."""
        if self._began_ns is None or self._last_ns is None:
            return None
        news = not self._ids <= self._reported and len(self._ids) <= _MANY_IDS
        return min(self._last_ns + _PAUSE_NS, self._began_ns + (_PAUSE_NS if news else _REPORT_NS))

    def flip(self, number: int, ns: int) -> bool:
        """The plane shows the buffer of this id now. Whether that is news: a new id, or the first flip after a pause.

        Call :meth:`report` with its time first.
        """
        news = number not in self._known or self._began_ns is None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(number)
        if self._began_ns is None:
            # The first flip begins the time that is measured.
            self._began_ns = ns
        else:
            self._flips += 1
        self._untold += not news
        self._ids.add(number)
        self._last, self._last_ns = number, ns
        return news

    def report(self, ns: int) -> Flips | None:
        """What is to be told now; None if nothing is."""
        due = self.due_ns
        if due is None or ns < due:
            return None
        assert self._last_ns is not None and self._began_ns is not None
        ids, stopped = tuple(sorted(self._ids)), ns - self._last_ns >= _PAUSE_NS
        # From flip to flip: nothing is known of the time since the last one.
        lasted = max(1, self._last_ns - self._began_ns)
        told = Flips(ids, self._last, None if stopped else self._flips * _SECOND / lasted)
        # A few flips that were told one by one are no pattern.
        is_news = not stopped or self._untold > 0 or bool(self._reported)
        self._reported = frozenset() if stopped else frozenset(self._ids)
        self._ids.clear()
        self._flips = self._untold = 0
        self._began_ns = None if stopped else self._last_ns
        return told if is_news else None
