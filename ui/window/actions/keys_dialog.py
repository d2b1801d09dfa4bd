"""The dialog that shows the keys of all actions, and changes them."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ui.window.actions import key_rules, keys_file
from ui.window.actions.actions import KEYED, plain_text
from ui.window.actions.shortcuts import Shortcuts, default_keys
from ui.window.settings.first_size import resize_within_screen

_ABOUT = (
    "While input goes to the guest, the keys with Ctrl, Alt or Meta that are listed here are the window's. "
    "All other keys are the guest's, function keys without one of these among them. "
    "A key that does not appear in a field when you press it is taken by the desktop."
)
_SIZE = QSize(620, 560)
_FIELDS = ("Key", "Second key")
_TEXTS = {each.key: plain_text(each) for each in KEYED}


class KeysDialog(QDialog):
    """Changes a copy of the keys; OK makes them those of all windows and saves them."""

    def __init__(self, parent: QWidget, shortcuts: Shortcuts) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys — mdevview")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._shortcuts = shortcuts
        self._keys = shortcuts.all()
        self._wanted = ("", 0, "")
        about = QLabel(_ABOUT)
        about.setWordWrap(True)
        self._find = QLineEdit()
        self._find.setPlaceholderText("Find an action or a key")
        self._find.setAccessibleName("Find an action or a key")
        self._find.setClearButtonEnabled(True)
        self._find.textChanged.connect(self._filter)
        self._list = QTreeWidget()
        self._list.setAccessibleName("Actions and their keys")
        self._list.setHeaderLabels(("Action", "Keys"))
        self._list.setRootIsDecorated(False)
        self._list.setAllColumnsShowFocus(True)
        self._items = {each.key: QTreeWidgetItem([_TEXTS[each.key], ""]) for each in KEYED}
        for key, item in self._items.items():
            item.setData(0, Qt.ItemDataRole.UserRole, key)
        self._list.addTopLevelItems(list(self._items.values()))
        self._list.currentItemChanged.connect(self._show)
        self._edits = [QKeySequenceEdit() for _ in _FIELDS]
        self._message = QLabel()
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setWordWrap(True)
        self._message.setAccessibleName("Message")
        self._take = QPushButton("&Take it from there")
        self._take.clicked.connect(self._take_over)
        policy = self._take.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._take.setSizePolicy(policy)
        self._reset = QPushButton("De&fault of this action")
        self._reset.clicked.connect(self._reset_one)
        self._buttons = _buttons()
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        defaults = self._buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        assert defaults is not None
        defaults.clicked.connect(self._reset_all)
        self._lay_out(about)
        resize_within_screen(self, _SIZE)
        self._refresh()
        self._list.resizeColumnToContents(0)
        self._list.setCurrentItem(self._list.topLevelItem(0))
        self._list.setFocus()

    def _lay_out(self, about: QLabel) -> None:
        row = QHBoxLayout()
        for at, (name, edit) in enumerate(zip(_FIELDS, self._edits, strict=True)):
            label = QLabel(f"&{name}:")
            label.setBuddy(edit)
            edit.setAccessibleName(name)
            edit.setMaximumSequenceLength(1)
            edit.setClearButtonEnabled(True)
            edit.editingFinished.connect(lambda at=at: self._changed(at))
            row.addWidget(label)
            row.addWidget(edit)
        row.addWidget(self._reset)
        told = QHBoxLayout()
        told.addWidget(self._message, 1)
        told.addWidget(self._take)
        column = QVBoxLayout(self)
        column.addWidget(about)
        column.addWidget(self._find)
        column.addWidget(self._list, 1)
        column.addLayout(row)
        column.addLayout(told)
        column.addWidget(self._buttons)

    def _current(self) -> str:
        item = self._list.currentItem()
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else ""

    def _show(self) -> None:
        """Show the keys of the chosen action in the fields."""
        self._tell("")
        keys = self._keys.get(self._current(), ())
        for at, edit in enumerate(self._edits):
            edit.setEnabled(bool(self._current()))
            edit.setKeySequence(QKeySequence(keys[at] if at < len(keys) else ""))

    def _changed(self, at: int) -> None:
        """The user pressed keys in a field, or emptied it."""
        action, keys = self._current(), self._keys.get(self._current(), ())
        text = self._edits[at].keySequence().toString()
        if not action or text == (keys[at] if at < len(keys) else ""):
            return
        why = key_rules.problem(text) if text else ""
        other = key_rules.owner(text, self._keys, but=action) if text else ""
        if why or other or text in keys:
            self._show()
            if why:
                self._tell(why)
            elif other:
                self._tell(f"{text} is the key of {_TEXTS[other]}.")
                self._wanted = (action, at, text)
                self._take.show()
            return
        self._set(action, at, text)

    def _set(self, action: str, at: int, text: str) -> None:
        keys = [*self._keys[action], "", ""][: max(len(_FIELDS), len(self._keys[action]))]
        keys[at] = text
        others = {key: tuple(each for each in has if each != text) for key, has in self._keys.items()}
        self._use(others | {action: tuple(each for each in keys if each)})

    def _use(self, keys: dict[str, tuple[str, ...]]) -> None:
        """Have these keys, unless the user could then not get the keyboard back from the guest."""
        lacks = key_rules.without_way_back(keys)
        if not lacks:
            self._keys = keys
        self._refresh()
        if lacks:
            self._tell(f"{_TEXTS[lacks[0]]} needs a key with Ctrl, Alt or Meta: it is a way back from the guest.")

    def _take_over(self) -> None:
        action, at, text = self._wanted
        self._set(action, at, text)
        self._edits[at].setFocus()

    def _reset_one(self) -> None:
        action = self._current()
        defaults = default_keys()[action]
        others = {key: tuple(each for each in has if each not in defaults) for key, has in self._keys.items()}
        self._use(others | {action: defaults})

    def _reset_all(self) -> None:
        self._keys = default_keys()
        self._refresh()

    def _refresh(self) -> None:
        for key, item in self._items.items():
            item.setText(1, " or ".join(self._keys[key]))
        self._show()

    def _filter(self, text: str) -> None:
        for item in self._items.values():
            item.setHidden(text.lower() not in f"{item.text(0)} {item.text(1)}".lower())

    def _tell(self, text: str) -> None:
        self._message.setText(text)
        self._take.hide()

    def accept(self) -> None:
        """Use the keys, and save them. What fails is told, and the keys are those of this run."""
        self._shortcuts.change(self._keys)
        why = keys_file.save(self._keys)
        if why:
            self._tell(why)
            self._buttons.setStandardButtons(QDialogButtonBox.StandardButton.Close)
            return
        super().accept()


def _buttons() -> QDialogButtonBox:
    kind = QDialogButtonBox.StandardButton
    return QDialogButtonBox(kind.Ok | kind.Cancel | kind.RestoreDefaults)


def show_keys(parent: QWidget, shortcuts: Shortcuts) -> None:
    """Show every key of the window, and let the user change them."""
    KeysDialog(parent, shortcuts).open()
