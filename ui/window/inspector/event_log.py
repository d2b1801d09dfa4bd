"""The log of changes: when, what, and how."""

from collections import deque
from collections.abc import Iterable

from PyQt6.QtCore import QTimer

from ui.window.inspector.inspected import Event
from ui.window.inspector.rows_model import Row, RowsModel
from ui.window.inspector.text_table import TextTable

_MOST_EVENTS = 1000


class EventLog(TextTable):
    """Keeps the last changes. It follows the newest one as long as that can be seen."""

    def __init__(self) -> None:
        self._model = RowsModel(("Time", "Kind", "Change"))
        super().__init__("Changes", self._model)
        self.set_widths("00:00:00.000", "finding-gone ")
        self._events: deque[Row] = deque(maxlen=_MOST_EVENTS)
        self._number = 0

    def add(self, events: Iterable[Event]) -> None:
        """Add what changed since the last call."""
        before = self._number
        for each in events:
            self._number += 1
            self._events.append(Row(self._number, (each.time, each.kind, each.text)))
        if self._number == before:
            return
        bar = self.verticalScrollBar()
        follows = bar is None or bar.value() == bar.maximum()
        self._model.show(self._events)
        if follows:
            # After the new row is laid out.
            QTimer.singleShot(0, self.scrollToBottom)
