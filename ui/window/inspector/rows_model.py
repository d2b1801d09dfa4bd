"""A table of texts that changes in place, so that the selection and the scroll position stay."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, Qt

_NOWHERE = QModelIndex()


@dataclass(frozen=True, slots=True)
class Row:
    """``key`` tells whether a row is the same as one before; the texts are those of its columns."""

    key: Hashable
    texts: tuple[str, ...]


class RowsModel(QAbstractTableModel):
    """Shows rows with unique keys below ``headings``."""

    def __init__(self, headings: Sequence[str]) -> None:
        super().__init__()
        self._headings = tuple(headings)
        self._rows: list[Row] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(self._rows)

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows. Only what differs is changed."""
        new = list(rows)
        keys = {each.key for each in new}
        for index in reversed(range(len(self._rows))):
            if self._rows[index].key not in keys:
                self._remove(index)
        present = {each.key for each in self._rows}
        for index, row in enumerate(new):
            if index < len(self._rows) and self._rows[index].key == row.key:
                self._update(index, row)
                continue
            if row.key in present:
                self._remove(next(at for at, each in enumerate(self._rows) if each.key == row.key))
            self.beginInsertRows(_NOWHERE, index, index)
            self._rows.insert(index, row)
            self.endInsertRows()

    def _remove(self, index: int) -> None:
        self.beginRemoveRows(_NOWHERE, index, index)
        del self._rows[index]
        self.endRemoveRows()

    def _update(self, index: int, row: Row) -> None:
        if self._rows[index].texts != row.texts:
            self._rows[index] = row
            self.changed(index)

    def changed(self, index: int) -> None:
        """Tell the views that a row looks different now."""
        self.dataChanged.emit(self.index(index, 0), self.index(index, len(self._headings) - 1))

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802  (Qt's name)
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802  (Qt's name)
        return 0 if parent.isValid() else len(self._headings)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if index.isValid() and role == Qt.ItemDataRole.DisplayRole:
            return self._rows[index.row()].texts[index.column()]
        return None

    def headerData(  # noqa: N802  (Qt's name)
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section]
        return None
