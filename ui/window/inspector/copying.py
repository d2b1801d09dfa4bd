"""Copies the selected rows of a view as text."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PyQt6.QtWidgets import QAbstractItemView


def let_copy(view: QAbstractItemView) -> None:
    """Let the usual key copy the selected rows of ``view``: a line for each, with tabs between its columns."""
    shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), view)
    shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
    shortcut.activated.connect(lambda: copy_text(selected_text(view)))


def selected_text(view: QAbstractItemView) -> str:
    """The selected rows in their order on the screen."""
    selection, model = view.selectionModel(), view.model()
    if selection is None or model is None:
        return ""
    firsts = sorted(selection.selectedRows(), key=lambda index: view.visualRect(index).top())
    lines = []
    for first in firsts:
        cells = [str(first.siblingAtColumn(column).data() or "") for column in range(model.columnCount(first.parent()))]
        lines.append("\t".join(each.replace("\n", " ") for each in cells))
    return "\n".join(lines)


def copy_text(text: str) -> None:
    """Put a text into the clipboard; an empty one is ignored."""
    clipboard = QGuiApplication.clipboard()
    if text and clipboard is not None:
        clipboard.setText(text)
