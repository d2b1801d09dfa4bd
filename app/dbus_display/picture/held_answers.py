"""The calls whose replies are held back until their frame is shown: a guest under OpenGL waits for them."""

from collections import deque
from typing import NamedTuple

LONGEST_NS = 16_000_000
"""The longest that a reply is held back: one refresh of a 60 Hz screen."""

# QEMU makes one call for each damaged rectangle (dbus_gl_refresh() in ui/dbus-listener.c). What exceeds this number is
# answered at once.
_MOST = 16


class _Held(NamedTuple):
    serial: int
    frame_serial: int
    deadline_ns: int


class HeldAnswers:
    """Not thread-safe."""

    def __init__(self) -> None:
        self._held: deque[_Held] = deque()
        self._shown = 0

    def hold(self, serial: int, frame_serial: int, now_ns: int) -> bool:
        """Hold the reply to the call ``serial`` until the frame ``frame_serial``, or a later one, was shown.

        False if too many are held already: answer it at once then.
        """
        if len(self._held) >= _MOST:
            return False
        self._held.append(_Held(serial, frame_serial, now_ns + LONGEST_NS))
        return True

    def shown(self, frame_serial: int) -> bool:
        """That frame was shown. Whether a reply is due now."""
        self._shown = max(self._shown, frame_serial)
        return any(each.frame_serial <= self._shown for each in self._held)

    def due(self, now_ns: int) -> tuple[list[int], int | None]:
        """The calls to answer now, which are then forgotten, and when the next one is due at the latest."""
        due = [each.serial for each in self._held if self._is_due(each, now_ns)]
        self._held = deque(each for each in self._held if not self._is_due(each, now_ns))
        return due, min((each.deadline_ns for each in self._held), default=None)

    def clear(self) -> None:
        """Forget all: their connection has ended."""
        self._held.clear()

    def _is_due(self, held: _Held, now_ns: int) -> bool:
        return held.frame_serial <= self._shown or held.deadline_ns <= now_ns
