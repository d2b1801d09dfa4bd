"""The matrix of formats and modifiers: what the display imports, what the driver can report, and what is on screen."""

from PyQt6.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from PyQt6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from app.diagnosis.picture.format_matrix import EmittedReach
from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.driver_formats import DriverFormats
from app.planes.plane_document import Document
from ui.window.inspector.format_rows import HEADINGS, format_rows, matches, shown_pairs
from ui.window.inspector.inspected import Inspected
from ui.window.inspector.rows_model import RowsModel
from ui.window.inspector.text_table import TextTable

# Each format is a question to the driver; so many are asked in one update.
_AT_ONCE = 12


class _Found(QSortFilterProxyModel):
    """The rows that match the search."""

    def __init__(self, model: RowsModel) -> None:
        super().__init__()
        self._model = model
        self._search = ""
        self.setSourceModel(model)

    def search(self, text: str) -> None:
        self._search = text
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, _parent: QModelIndex) -> bool:  # noqa: N802  (Qt's name)
        return matches(self._model.rows[row].texts, self._search)


class FormatTable(QWidget):
    """A search field above the table. The display is asked in parts, while the table is seen."""

    def __init__(self, inspected: Inspected) -> None:
        super().__init__()
        self._inspected = inspected
        self._waiting: list[int] = []
        self._formats: list[FormatSupport] = []
        self._driver: DriverFormats | None = None
        self._emitted: list[EmittedReach] = []
        self._shown: frozenset[tuple[str, int]] | None = None
        self._model = RowsModel(HEADINGS)
        self._found = _Found(self._model)
        self._table = TextTable("Formats", self._found)
        self._table.set_widths("XR30 XRGB2101010", "INTEL_Yf_TILED", "not imported")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: format, modifier, “copied”, “on screen”")
        self.search.setAccessibleName("Search the formats")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        self._count = QLabel()
        self._count.setTextFormat(Qt.TextFormat.PlainText)
        self._count.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.search)
        column.addWidget(self._table, 1)
        column.addWidget(self._count)

    def refresh(self, document: Document) -> None:
        """Ask for some more formats, and show which the guest uses now."""
        driver = self._inspected.driver()
        if driver != self._driver:
            self._driver = driver
            self._emitted.clear()
            self._shown = None
        if not self._formats and not self._waiting:
            self._waiting = list(self._inspected.fourccs())
        shown = shown_pairs(document)
        left = driver.formats[len(self._emitted) :] if driver is not None else ()
        if not self._waiting and not left and shown == self._shown:
            return
        self._shown = shown
        asked, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        self._formats += map(self._inspected.format_support, asked)
        if driver is not None:
            reached = (self._inspected.reach(driver, each) for each in left[:_AT_ONCE])
            self._emitted += [each for each in reached if each is not None]
        self._model.show(format_rows(self._formats, self._emitted, shown))
        self._show_count()

    def _search(self, text: str) -> None:
        self._found.search(text)
        self._show_count()

    def _show_count(self) -> None:
        total, found = self._model.rowCount(), self._found.rowCount()
        words = [f"{found} of {total} pairs" if found != total else f"{total} pairs"]
        if not self._formats and not self._waiting:
            words.append("this display names no formats")
        if self._driver is None:
            words.append("it is not known what the driver can report")
        else:
            more = "" if self._driver.complete else " at least"
            words.append(f"the driver can report{more} {len(self._driver.formats)}: {self._driver.driver}")
        self._count.setText("; ".join(words))
