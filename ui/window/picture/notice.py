"""A short text over the picture that goes away by itself."""

import logging
from collections.abc import Callable

from PyQt6.QtCore import QObject, QRectF, QTimer, pyqtSignal
from PyQt6.QtGui import QPainter

from ui.window.picture.picture_text import paint_notice

_log = logging.getLogger(__name__)

# A notice is shown for this time at least, and long enough to be read.
_LEAST_MS = 4000
_READING_MS = 60
# How often it is looked whether a notice is still true.
_CHECK_MS = 100


class Notice(QObject):
    """Holds the notice that is shown now; an empty ``text`` shows none. ``changed`` fires when it is another one."""

    changed = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.text = ""
        self._holds: Callable[[], bool] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.end)
        self._check_timer = QTimer(self)
        self._check_timer.setInterval(_CHECK_MS)
        self._check_timer.timeout.connect(self._check)

    def show(self, text: str, holds: Callable[[], bool] | None = None) -> None:
        """Show a notice for some seconds in place of the one before, and log it.

        With ``holds`` the notice ends as soon as that is false: its sentence is not true any more.
        """
        _log.info("%s", text)
        self.text, self._holds = text, holds
        self._timer.start(max(_LEAST_MS, _READING_MS * len(text)))
        if holds is not None:
            self._check_timer.start()
        else:
            self._check_timer.stop()
        self.changed.emit()

    def _check(self) -> None:
        if self._holds is not None and not self._holds():
            self.end()

    def end(self) -> None:
        """Show none any more."""
        self._timer.stop()
        self._check_timer.stop()
        self.text, self._holds = "", None
        self.changed.emit()

    def paint(self, painter: QPainter, area: QRectF) -> None:
        """Paint the notice, if there is one."""
        if self.text:
            paint_notice(painter, area, self.text)
