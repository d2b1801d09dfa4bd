"""What changed in the memory of a buffer, as its source was told.

Who reads the memory again and again, for example to fill a texture, keeps the version that it read, and asks for the
rectangles that changed since then. So a frame that a consumer never took loses no damage, and several consumers of one
buffer do not disturb each other.
"""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from app.planes.damage import DamagedRect

NEVER_READ = 0
"""The version of whoever has not read the memory yet."""

MOST_NOTES = 64
"""So many notes are kept. Who reads less often than that reads everything."""

MOST_RECTS = 16
"""A note of more rectangles is kept as a change of everything: their bookkeeping would cost more than the pixels."""


class Changes(NamedTuple):
    """``version`` is what the memory has now. ``rects`` is what changed in it; None for everything, () for nothing.

    The rectangles may overlap, and may reach beyond the picture: they come from outside.
    """

    version: int
    rects: tuple[DamagedRect, ...] | None


class ChangeLog:
    """The changes of one buffer's memory. Any thread may call any method.

    The memory may be written while somebody reads it. So a writer notes a change after it was written, and a reader
    asks for the version before it reads: what it missed is then in the changes after that version.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = NEVER_READ + 1
        # What the last versions changed, the newest last.
        self._notes: deque[tuple[DamagedRect, ...] | None] = deque(maxlen=MOST_NOTES)

    def note(self, rects: Sequence[DamagedRect]) -> None:
        """These rectangles were changed. Nothing is noted without a rectangle."""
        if rects:
            self._add(tuple(rects) if len(rects) <= MOST_RECTS else None)

    def note_all(self) -> None:
        """Everything may have changed."""
        self._add(None)

    def _add(self, note: tuple[DamagedRect, ...] | None) -> None:
        with self._lock:
            self._version += 1
            self._notes.append(note)

    def since(self, version: int) -> Changes:
        """What changed after ``version``, which is one of this log or :data:`NEVER_READ`."""
        with self._lock:
            now = self._version
            missed = now - version
            if missed == 0:
                return Changes(now, ())
            # That of who never read is older than all notes.
            if not 0 < missed <= len(self._notes):
                return Changes(now, None)
            notes = list(islice(self._notes, len(self._notes) - missed, None))
        rects: list[DamagedRect] = []
        for note in notes:
            if note is None:
                return Changes(now, None)
            rects += note
        return Changes(now, tuple(rects))
