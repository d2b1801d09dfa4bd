"""Sends generated key events one after the other, no faster than a guest reads them."""

from collections.abc import Callable, Iterator

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from app.input.typing import Keystroke

# A character is two keystrokes or more, so this is about 40 characters a second. The monitor limits the rate of keys
# too, to a slightly higher one: no key waits there, where it could not be stopped.
_INTERVAL_MS = 12


class KeystrokeSender(QObject):
    """Calls ``send`` with each keystroke. ``finished`` is emitted once, at the end or when it is stopped."""

    finished = pyqtSignal()

    def __init__(self, send: Callable[[Keystroke], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._send = send
        self._keystrokes: Iterator[Keystroke] | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._next)

    def start(self, keystrokes: Iterator[Keystroke]) -> None:
        """Start to send these. Keystrokes that are not sent yet are dropped."""
        self.stop()
        self._keystrokes = keystrokes
        self._timer.start()

    def stop(self) -> None:
        """Send no more; more calls do nothing. Keys that are pressed now stay pressed: the caller must release them."""
        if self._keystrokes is not None:
            self._keystrokes = None
            self._timer.stop()
            self.finished.emit()

    def flush(self) -> None:
        """Send the rest at once, to complete a key combination before another key."""
        while self._keystrokes is not None:
            self._next()

    def _next(self) -> None:
        keystroke = next(self._keystrokes, None) if self._keystrokes is not None else None
        if keystroke is None:
            self.stop()
        else:
            self._send(keystroke)
