"""Pages of another domain that are mapped here and hold a plane."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.planes.buffer import Strips, next_serial
from app.planes.change_log import ChangeLog


class MappedBuffer:
    """A buffer of memory that is mapped and owned by somebody else, who keeps it until ``release`` was called.

    The memory is read in place: granted pages stay until they are unmapped, also after the end of the domain that
    granted them, so no access faults.
    """

    dmabuf_fd = None
    inode = None
    exporter = None
    may_vanish = False

    def __init__(self, memory: memoryview, release: Callable[[], None], changes: ChangeLog | None = None) -> None:
        """``release`` is called once, when the buffer was released and nobody reads it any more, on any thread."""
        self._memory = memory.toreadonly().cast("B")
        self._release = release
        self._lock = threading.Lock()
        self._readers = 0
        self._released = False
        self.serial = next_serial()
        self.size = len(self._memory)
        self.changes = changes

    @property
    def released(self) -> bool:
        return self._released

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        self._begin()
        try:
            with self._memory[start : None if length is None else start + length] as part:
                yield part
        finally:
            self._end()

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        self._begin()
        try:
            with self._memory[start:] as part:
                count = min(most, (len(part) - length) // distance + 1) if len(part) >= length else 0
                yield Strips(part, distance, count)
        finally:
            self._end()

    def release(self) -> None:
        """Give the memory back; more calls do nothing. Waits for no reader: the last one gives it back then."""
        with self._lock:
            is_first, self._released = not self._released, True
            is_free = is_first and not self._readers
        if is_free:
            self._give_back()

    def _begin(self) -> None:
        with self._lock:
            if self._released:
                raise ValueError("the buffer was released")
            self._readers += 1

    def _end(self) -> None:
        with self._lock:
            self._readers -= 1
            is_free = self._released and not self._readers
        if is_free:
            self._give_back()

    def _give_back(self) -> None:
        self._memory.release()
        self._release()
