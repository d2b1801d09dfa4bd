"""The tree of state, planes and renderer."""

from collections.abc import Sequence

from PyQt6.QtCore import QModelIndex, QRect, QSize, Qt
from PyQt6.QtGui import QStandardItem, QStandardItemModel
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from app.planes.plane_document import Document
from ui.window.inspector.copying import let_copy
from ui.window.inspector.node import Node
from ui.window.inspector.plane_rows import state_nodes

_KEY = Qt.ItemDataRole.UserRole
_PADDING = 4


class NodesModel(QStandardItemModel):
    """Shows nodes in two columns. Only what differs is changed, so selection, scroll and open branches stay."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.setHorizontalHeaderLabels(("Name", "Value"))

    def show(self, nodes: Sequence[Node]) -> None:
        root = self.invisibleRootItem()
        assert root is not None
        _show_children(root, nodes)


def _show_children(parent: QStandardItem, nodes: Sequence[Node]) -> None:
    keys = {each.key for each in nodes}
    for row in reversed(range(parent.rowCount())):
        if _key(parent, row) not in keys:
            parent.removeRow(row)
    for row, node in enumerate(nodes):
        if row >= parent.rowCount() or _key(parent, row) != node.key:
            later = next((at for at in range(row, parent.rowCount()) if _key(parent, at) == node.key), None)
            parent.insertRow(row, parent.takeRow(later) if later is not None else _items(node))
        name, value = parent.child(row, 0), parent.child(row, 1)
        assert name is not None and value is not None
        for item, text in ((name, node.name), (value, node.value)):
            if item.text() != text:
                item.setText(text)
        _show_children(name, node.children)


def _key(parent: QStandardItem, row: int) -> object:
    item = parent.child(row)
    return item.data(_KEY) if item is not None else None


def _items(node: Node) -> list[QStandardItem]:
    name, value = QStandardItem(node.name), QStandardItem(node.value)
    name.setData(node.key, _KEY)
    for each in (name, value):
        each.setEditable(False)
    return [name, value]


class _WrappingDelegate(QStyledItemDelegate):
    """Makes a row as high as its text is in the width of its column: a tree does not do so by itself."""

    def __init__(self, tree: QTreeView) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802  (Qt's name)
        size = super().sizeHint(option, index)
        width = self._tree.columnWidth(index.column()) - 2 * _PADDING
        if index.column() == 0 or width <= 0:
            return size
        flags = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere)
        text = option.fontMetrics.boundingRect(QRect(0, 0, width, 10_000), flags, str(index.data()))
        return QSize(size.width(), max(size.height(), text.height() + _PADDING))


class PlaneTree(QTreeView):
    """Each plane with its values, its import path, the imports that failed, and its status."""

    def __init__(self) -> None:
        super().__init__()
        self._model = NodesModel()
        self.setModel(self._model)
        self.setItemDelegate(_WrappingDelegate(self))
        self.setAccessibleName("State and planes")
        self.setAlternatingRowColors(True)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHeaderHidden(True)
        header = self.header()
        assert header is not None
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        # The height of a row depends on the width of its column.
        header.sectionResized.connect(self.scheduleDelayedItemsLayout)
        self._model.rowsInserted.connect(self._expand)
        let_copy(self)

    def show_state(self, document: Document) -> None:
        self._model.show(state_nodes(document))

    def _expand(self, parent: QModelIndex, first: int, last: int) -> None:
        """Open new branches, and the branch that they are in when it gets its first."""
        if parent.isValid() and self._model.rowCount(parent) == last - first + 1:
            self.expand(parent)
