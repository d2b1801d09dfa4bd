"""Keys that nobody presses: sent one step after the other, no faster than a guest takes them."""

from collections.abc import Callable, Iterator

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from app.input.typing import Step

# A character is two steps or more: some 40 characters a second. The link to the VM paces keys as well, a bit faster
# than this, so that nothing waits there that can no longer be stopped.
_STEP_MS = 12


class Typist(QObject):
    """Plays steps by ``send``. ``finished`` fires once at the end, or when it is stopped."""

    finished = pyqtSignal()

    def __init__(self, send: Callable[[Step], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._send = send
        self._steps: Iterator[Step] | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(self._next)

    @property
    def busy(self) -> bool:
        return self._steps is not None

    def play(self, steps: Iterator[Step]) -> None:
        """Begin; what is still being played ends where it is."""
        self.stop()
        self._steps = steps
        self._timer.start()

    def stop(self) -> None:
        """No further step. What is held by now is whoever's who keeps track of it. More calls do nothing."""
        if self._steps is not None:
            self._steps = None
            self._timer.stop()
            self.finished.emit()

    def hurry(self) -> None:
        """All that is left at once: for a combination, before another key."""
        while self._steps is not None:
            self._next()

    def _next(self) -> None:
        step = next(self._steps, None) if self._steps is not None else None
        if step is None:
            self.stop()
        else:
            self._send(step)
