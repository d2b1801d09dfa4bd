"""The buffers that the source holds, with thumbnails."""

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QModelIndex, QSize, Qt
from PyQt6.QtGui import QImage, QPixmap
from PyQt6.QtWidgets import QStackedLayout, QWidget

from app.planes.buffer_facts import BufferFacts
from ui.window.inspector.buffer_rows import HEADINGS, LINES, buffer_row
from ui.window.inspector.empty_text import EmptyText
from ui.window.inspector.inspected import Inspected
from ui.window.inspector.rows_model import RowsModel
from ui.window.inspector.text_table import TextTable
from ui.window.inspector.thumbnail_queue import ThumbnailQueue

# In device-independent pixels.
THUMBNAIL = QSize(96, 60)
_MARGIN = 4


class BuffersModel(RowsModel):
    """Rows with a thumbnail in the first column."""

    def __init__(self) -> None:
        super().__init__(HEADINGS)
        self._thumbnails: dict[object, QPixmap] = {}

    def set_thumbnail(self, serial: int, pixmap: QPixmap) -> None:
        for index, row in enumerate(self.rows):
            if row.key == serial:
                self._thumbnails[serial] = pixmap
                self.changed(index)

    def show_buffers(self, buffers: tuple[BufferFacts, ...], imports: Callable[[int], int]) -> None:
        self.show(buffer_row(each, imports(each.serial)) for each in buffers)
        for serial in self._thumbnails.keys() - {each.serial for each in buffers}:
            del self._thumbnails[serial]

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DecorationRole and index.isValid() and index.column() == 0:
            return self._thumbnails.get(self.rows[index.row()].key)
        return super().data(index, role)


class BufferTable(QWidget):
    """The table, or a sentence where the source holds no buffers."""

    def __init__(self, inspected: Inspected) -> None:
        super().__init__()
        self._inspected = inspected
        self._queue = ThumbnailQueue()
        # The buffer whose thumbnail the GPU draws.
        self._started: int | None = None
        self._model = BuffersModel()
        self._table = TextTable("Buffers", self._model)
        self._table.setWordWrap(False)
        self._table.setColumnWidth(0, THUMBNAIL.width() + 3 * _MARGIN)
        for column, text in ((1, "1920 × 1080  XR24 "), (2, "inode 100000000 ")):
            self._table.setColumnWidth(column, self._table.fontMetrics().horizontalAdvance(text) + 8)
        rows = self._table.verticalHeader()
        assert rows is not None
        rows.setDefaultSectionSize(max(THUMBNAIL.height(), LINES * self._table.fontMetrics().height()) + 2 * _MARGIN)
        self._layout = QStackedLayout(self)
        self._layout.addWidget(EmptyText("The source tells of no buffers: it has no picture, or does not list them."))
        self._layout.addWidget(self._table)

    def refresh(self) -> None:
        """Show the buffers of now; take the thumbnail that was begun, or begin the next one."""
        buffers = self._inspected.buffers()
        self._model.show_buffers(buffers, self._inspected.imports)
        self._queue.keep(each.serial for each in buffers)
        self._layout.setCurrentIndex(1 if buffers else 0)
        if self._started is not None:
            image = self._inspected.take_thumbnail()
            if image is not None:
                self._show_thumbnail(self._started, image)
                self._started = None
        else:
            self._start_next(buffers)

    def _show_thumbnail(self, serial: int, image: QImage) -> None:
        if image.isNull():
            return
        image.setDevicePixelRatio(image.width() / THUMBNAIL.width())
        self._model.set_thumbnail(serial, QPixmap.fromImage(image))

    def _start_next(self, buffers: tuple[BufferFacts, ...]) -> None:
        pictures = self._inspected.pictures
        serial = self._queue.next((buffers[row] for row in self._table.visible_rows()), pictures)
        for facts in buffers:
            if facts.serial == serial:
                self._queue.made(facts, pictures)
                if self._inspected.start_thumbnail(facts):
                    self._started = serial
