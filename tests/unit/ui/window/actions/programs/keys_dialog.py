"""The dialog of the keys, as a user operates it: ``python -m ...``, with a configuration directory of its own."""

from typing import Any, cast

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QWidget

from ui.window.actions import keys_file
from ui.window.actions.keys_dialog import KeysDialog
from ui.window.actions.shortcuts import Shortcuts
from ui.window.qt_application import new_application

application = new_application()
window = QWidget()
shortcuts = Shortcuts()
grab, screenshot = QAction(window), QAction(window)
shortcuts.bind(grab, "grab")
shortcuts.bind(screenshot, "screenshot", QKeySequence("Ctrl+S"))
press: Any = cast("Any", QTest).keyClick
CTRL_ALT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
NONE = Qt.KeyboardModifier.NoModifier


def opened() -> KeysDialog:
    dialog = KeysDialog(window, shortcuts)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.show()
    return dialog


def choose(dialog: KeysDialog, action: str) -> None:
    dialog._list.setCurrentItem(dialog._items[action])


def record(dialog: KeysDialog, at: int, key: Qt.Key, modifiers: Qt.KeyboardModifier = CTRL_ALT) -> str:
    """Press keys in a field, then Tab. Returns what the dialog says."""
    edit = dialog._edits[at]
    edit.setFocus()
    press(edit, key, modifiers)
    press(edit, Qt.Key.Key_Tab)
    application.processEvents()
    return dialog._message.text()


def keys_of(dialog: KeysDialog, action: str) -> str:
    return dialog._items[action].text(1)


dialog = opened()
choose(dialog, "grab")
assert record(dialog, 0, Qt.Key.Key_J) == "", dialog._message.text()
assert record(dialog, 1, Qt.Key.Key_F8, Qt.KeyboardModifier.MetaModifier) == ""
assert keys_of(dialog, "grab") == "Ctrl+Alt+J or Meta+F8", keys_of(dialog, "grab")
assert "taken from the guest" in record(dialog, 0, Qt.Key.Key_X, NONE)
assert dialog._edits[0].keySequence() == QKeySequence("Ctrl+Alt+J"), "what is refused is not kept"
assert not dialog._take.isVisible()
assert record(dialog, 0, Qt.Key.Key_S) == "Ctrl+Alt+S is the key of Machine > Save screenshot."
assert dialog._take.isVisible() and keys_of(dialog, "grab") == "Ctrl+Alt+J or Meta+F8"
dialog._take.click()
assert keys_of(dialog, "grab") == "Ctrl+Alt+S or Meta+F8" and keys_of(dialog, "screenshot") == ""
assert grab.shortcut() == QKeySequence("Ctrl+Alt+G"), "nothing is used before OK"
dialog.accept()
assert grab.shortcuts() == [QKeySequence("Ctrl+Alt+S"), QKeySequence("Meta+F8")]
assert screenshot.shortcuts() == [QKeySequence("Ctrl+S")]
assert keys_file.load() == {"grab": ("Ctrl+Alt+S", "Meta+F8"), "screenshot": ()}

dialog = opened()
dialog._find.setText("meta+f8")
shown = [key for key, item in dialog._items.items() if not item.isHidden()]
assert shown == ["grab"], shown
choose(dialog, "screenshot")
dialog._reset.click()
assert (keys_of(dialog, "screenshot"), keys_of(dialog, "grab")) == ("Ctrl+Alt+S", "Meta+F8")
dialog.reject()
assert shortcuts.keys("screenshot") == (), "Cancel changes nothing"

dialog = opened()
dialog._reset_all()
dialog.accept()
assert grab.shortcuts() == [QKeySequence("Ctrl+Alt+G")] and keys_file.load() == {}

# The way back from a guest that has the keyboard keeps a key, however it would lose its last one.
dialog = opened()
choose(dialog, "release")
dialog._edits[0].clear()
dialog._edits[0].editingFinished.emit()
assert "way back from the guest" in dialog._message.text() and keys_of(dialog, "release") == "Ctrl+Alt+R"
assert "way back" in record(dialog, 0, Qt.Key.Key_F12, NONE) and keys_of(dialog, "release") == "Ctrl+Alt+R"
choose(dialog, "grab")
record(dialog, 0, Qt.Key.Key_R)
dialog._take.click()
assert "way back" in dialog._message.text()
assert (keys_of(dialog, "release"), keys_of(dialog, "grab")) == ("Ctrl+Alt+R", "Ctrl+Alt+G")
choose(dialog, "release")
assert record(dialog, 1, Qt.Key.Key_J) == ""
choose(dialog, "grab")
record(dialog, 0, Qt.Key.Key_R)
dialog._take.click()
assert (keys_of(dialog, "release"), keys_of(dialog, "grab")) == ("Ctrl+Alt+J", "Ctrl+Alt+R")
dialog.reject()
