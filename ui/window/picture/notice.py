"""A short text over the picture that goes away by itself."""

import logging

from PyQt6.QtCore import QObject, QRectF, QTimer, pyqtSignal
from PyQt6.QtGui import QPainter

from ui.window.picture.picture_text import paint_notice

_log = logging.getLogger(__name__)

# A notice is shown for this time at least, and long enough to be read.
_LEAST_MS = 4000
_READING_MS = 60


class Notice(QObject):
    """Holds the notice that is shown now; an empty ``text`` shows none. ``changed`` fires when it is another one."""

    changed = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.text = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.end)

    def show(self, text: str) -> None:
        """Show a notice for some seconds in place of the one before, and log it."""
        _log.info("%s", text)
        self.text = text
        self._timer.start(max(_LEAST_MS, _READING_MS * len(text)))
        self.changed.emit()

    def end(self) -> None:
        """Show none any more."""
        self._timer.stop()
        self.text = ""
        self.changed.emit()

    def paint(self, painter: QPainter, area: QRectF) -> None:
        """Paint the notice, if there is one."""
        if self.text:
            paint_notice(painter, area, self.text)
