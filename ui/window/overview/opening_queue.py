"""Openings of devices that wait for their turn: each scans the host, and many at once would delay each other."""

from collections.abc import Callable

_MOST_AT_ONCE = 2


class OpeningQueue:
    """Starts at most ``most`` openings at once, the others in the order in which they were added."""

    def __init__(self, most: int = _MOST_AT_ONCE) -> None:
        self._most = most
        self._running: set[object] = set()
        self._waiting: dict[object, Callable[[], object]] = {}

    def __contains__(self, owner: object) -> bool:
        """Whether an opening of this owner waits or runs."""
        return owner in self._running or owner in self._waiting

    def add(self, owner: object, start: Callable[[], object]) -> None:
        """Call ``start`` when it is this owner's turn, perhaps now. The owner calls :meth:`remove` at the end."""
        self._waiting[owner] = start
        self._start_next()

    def remove(self, owner: object) -> None:
        """The opening of this owner has ended, or is not wanted any more; more calls do nothing."""
        self._waiting.pop(owner, None)
        self._running.discard(owner)
        self._start_next()

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < self._most:
            owner = next(iter(self._waiting))
            start = self._waiting.pop(owner)
            self._running.add(owner)
            start()
