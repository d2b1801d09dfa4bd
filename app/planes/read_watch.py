"""Whether a reader of live memory saw other bytes than those that the writer's last message was about.

A writer that tells the same rectangle again and again, with the same pixels each time, has changed nothing only if no
reader read it in between, while other pixels were there.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWatch:
    """Compares what readers read with what is expected. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start = self._distance = 0
        self._rows: list[bytes] = []
        self._reading = 0
        self._other = False

    def expect(self, start: int, distance: int, rows: list[bytes]) -> None:
        """From now on these rows are expected, the first at ``start`` and each ``distance`` bytes further."""
        with self._lock:
            self._start, self._distance, self._rows = start, distance, rows
            self._other = False

    def all_read_as_expected(self) -> bool:
        """Since the last :meth:`expect` all has been read as expected, and nobody is reading now."""
        with self._lock:
            return not self._reading and not self._other

    @contextmanager
    def read(self, memory: memoryview, start: int, distance: int, length: int) -> Iterator[None]:
        """Inside the context strips of ``length`` bytes are read into the memory, one after another.

        They begin at ``start`` and each ``distance`` bytes further.
        """
        with self._lock:
            self._reading += 1
        is_read = False
        try:
            yield
            is_read = True
        finally:
            with self._lock:
                self._reading -= 1
                self._other = self._other or not is_read or not self._is_expected(memory, start, distance, length)

    def _is_expected(self, memory: memoryview, start: int, distance: int, length: int) -> bool:
        count = len(memory) // length if length else 0
        for number, row in enumerate(self._rows):
            begin = self._start + number * self._distance
            # The strips that have some of the row.
            first = max(0, (begin - start - length) // distance + 1)
            last = min(count - 1, (begin + len(row) - 1 - start) // distance)
            for strip in range(first, last + 1):
                left = start + strip * distance
                low, high = max(begin, left), min(begin + len(row), left + length)
                at = strip * length + low - left
                if memory[at : at + high - low] != row[low - begin : high - begin]:
                    return False
        return True
