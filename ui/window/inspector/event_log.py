"""The log of changes: when, what, and how."""

from collections import deque
from collections.abc import Iterable

from PyQt6.QtCore import QModelIndex, QTimer
from PyQt6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from ui.window.inspector.inspected import Event
from ui.window.inspector.rows_model import Row, RowsModel
from ui.window.inspector.text_table import TextTable

_MOST_EVENTS = 1000
_DETAIL_LINES = 3


class EventLog(QWidget):
    """Keeps the last changes, and follows the newest one as long as that can be seen.

    Below the table is all of the selected one, which may have more than one line.
    """

    def __init__(self) -> None:
        super().__init__()
        self._model = RowsModel(("Time", "Kind", "Change"))
        self._table = TextTable("Changes", self._model)
        self._table.set_widths("00:00:00.000", "finding-gone")
        self._table.setWordWrap(False)
        self._events: deque[Row] = deque(maxlen=_MOST_EVENTS)
        self._number = 0
        self._detail = QPlainTextEdit()
        self._detail.setReadOnly(True)
        self._detail.setPlaceholderText("Select a change to read all of it.")
        self._detail.setAccessibleName("The selected change")
        self._detail.setTabChangesFocus(True)
        self._detail.setFixedHeight(_DETAIL_LINES * self.fontMetrics().lineSpacing() + 12)
        selection = self._table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._show_detail)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._table, 1)
        column.addWidget(self._detail)

    def add(self, events: Iterable[Event]) -> None:
        """Add what changed since the last call."""
        before = self._number
        for each in events:
            self._number += 1
            self._events.append(Row(self._number, (each.time, each.kind, each.text)))
        if self._number == before:
            return
        bar = self._table.verticalScrollBar()
        follows = bar is None or bar.value() == bar.maximum()
        self._model.show(self._events)
        if follows:
            # After the new row is laid out.
            QTimer.singleShot(0, self._table.scrollToBottom)

    def _show_detail(self, current: QModelIndex) -> None:
        self._detail.setPlainText(str(current.siblingAtColumn(2).data() or ""))
