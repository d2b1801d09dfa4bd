"""When the guest is told that a flip is done: as soon as its picture was shown, after one refresh at most."""

from typing import NamedTuple

LONGEST_NS = 15_600_000
"""One refresh of a 60 Hz screen at most: the thread that tells the guest waits in steps of 1 ms. The guest draws its
next picture after the event."""


class _Open(NamedTuple):
    fb: int
    frame_serial: int
    deadline_ns: int


class FlipEvents:
    """The flips of one connector whose events were not sent yet. Not thread-safe.

    Each flip gets one event, in the order of the flips.
    """

    def __init__(self) -> None:
        self._open: _Open | None = None
        self._done: list[int] = []

    def flipped(self, fb: int, frame_serial: int, now_ns: int) -> None:
        """The guest flipped to ``fb``, which the frame ``frame_serial`` will show. An older flip is done."""
        self._finish()
        self._open = _Open(fb, frame_serial, now_ns + LONGEST_NS)

    def shown(self, frame_serial: int) -> bool:
        """That frame was shown. Whether an event is due now."""
        if self._open is not None and self._open.frame_serial <= frame_serial:
            self._finish()
        return bool(self._done)

    def take_due(self, now_ns: int) -> list[int]:
        """The framebuffers of the flips that are done now; each is returned once."""
        if self._open is not None and self._open.deadline_ns <= now_ns:
            self._finish()
        return self._take_done()

    def take_all(self) -> list[int]:
        """The framebuffers of all flips, whether their pictures were shown or not; each is returned once."""
        self._finish()
        return self._take_done()

    def due_ns(self) -> int | None:
        """When :meth:`take_due` has something at the latest; 0 for now, None for nothing."""
        if self._done:
            return 0
        return None if self._open is None else self._open.deadline_ns

    def clear(self) -> None:
        """Forget all: the connection has ended."""
        self._open, self._done = None, []

    def _take_done(self) -> list[int]:
        done, self._done = self._done, []
        return done

    def _finish(self) -> None:
        if self._open is not None:
            self._done.append(self._open.fb)
            self._open = None
