"""How the tables of the inspector look and behave."""

from PyQt6.QtCore import QAbstractItemModel, Qt
from PyQt6.QtWidgets import QAbstractItemView, QTableView

from ui.window.inspector.copying import let_copy


class TextTable(QTableView):
    """Whole rows are selected; the usual key copies them. The last column takes the room that is left."""

    def __init__(self, name: str, model: QAbstractItemModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName(name)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        headings, rows = self.horizontalHeader(), self.verticalHeader()
        assert headings is not None and rows is not None
        headings.setStretchLastSection(True)
        headings.setHighlightSections(False)
        headings.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        rows.hide()
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        let_copy(self)

    def set_widths(self, *texts: str) -> None:
        """Make the first columns wide enough for these texts."""
        for column, text in enumerate(texts):
            self.setColumnWidth(column, self.fontMetrics().horizontalAdvance(text) + 16)

    def visible_rows(self) -> range:
        """The rows that can be seen now."""
        viewport = self.viewport()
        model = self.model()
        assert viewport is not None and model is not None
        first, last = self.rowAt(0), self.rowAt(viewport.height() - 1)
        count = model.rowCount()
        return range(first, last + 1 if last >= 0 else count) if first >= 0 else range(0)
