"""The log of changes: when, what, and how."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QWidget

from app.planes.plane_document import Document
from ui.window.inspector.rows_model import Row, RowsModel
from ui.window.inspector.state_changes import state_changes
from ui.window.inspector.text_table import TextTable

_MOST_EVENTS = 1000


class EventLog(TextTable):
    """Keeps the last changes. It follows the newest one as long as that can be seen."""

    def __init__(self, parent: QWidget | None = None, now: Callable[[], datetime] = datetime.now) -> None:
        self._model = RowsModel(("Time", "What", "Change"))
        super().__init__("Changes", self._model)
        self.setParent(parent)
        self.set_widths("00:00:00.000", "primary plane: import path")
        self._now = now
        self._before: Document | None = None
        self._events: deque[Row] = deque(maxlen=_MOST_EVENTS)
        self._number = 0

    def add(self, document: Document) -> None:
        """Log what changed since the document before."""
        before, self._before = self._before, document
        if before is None:
            changes = [("log", f"begins: {document.get('state', '')}")]
        else:
            changes = list(state_changes(before, document))
        if not changes:
            return
        time = self._now().strftime("%H:%M:%S.%f")[:-3]
        for what, how in changes:
            self._number += 1
            self._events.append(Row(self._number, (time, what, how)))
        bar = self.verticalScrollBar()
        follows = bar is None or bar.value() == bar.maximum()
        self._model.show(self._events)
        if follows:
            # After the new row is laid out.
            QTimer.singleShot(0, self.scrollToBottom)
