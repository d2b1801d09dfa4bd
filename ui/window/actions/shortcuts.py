"""The keys of the window's actions, as they are now. Every text that names a key asks here.

All windows of the program have the same keys. While input goes to the guest, a key that is set here and has Ctrl, Alt
or Meta is always the window's own; all other keys are the guest's.
"""

from collections.abc import Mapping
from functools import cache
from typing import cast

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QKeySequence

from ui.window.actions import keys_file
from ui.window.actions.actions import KEYED, plain_text

_Modifier = Qt.KeyboardModifier
# What else is in an event's modifiers says which key it was, and is in no shortcut.
_MODIFIERS = _Modifier.ShiftModifier | _Modifier.ControlModifier | _Modifier.AltModifier | _Modifier.MetaModifier
_NEEDED = _MODIFIERS & ~_Modifier.ShiftModifier
_SPECS = {each.key: each for each in KEYED}

Keys = Mapping[str, tuple[str, ...]]
"""Keys by the action's key in :mod:`ui.window.actions.actions`, each in Qt's portable text ("Ctrl+Alt+G")."""


def default_keys() -> dict[str, tuple[str, ...]]:
    """The keys that each action has where the user changed none."""
    return {each.key: each.shortcuts for each in KEYED}


class Shortcuts(QObject):
    """The keys of each action, by the action's key in :mod:`ui.window.actions.actions`.

    ``changed`` is emitted when the user changed keys.
    """

    changed = pyqtSignal()

    def __init__(self, keys: Keys | None = None) -> None:
        """``keys`` are those of the actions whose keys differ from the table's."""
        super().__init__()
        self._keys = default_keys() | dict(keys or {})
        self._taken = _taken(self._keys)

    def keys(self, action: str) -> tuple[str, ...]:
        """All keys of an action, in Qt's portable text ("Ctrl+Alt+G"); empty if it has none."""
        return self._keys[action]

    def text(self, action: str) -> str:
        """The first key of an action, for a sentence; empty if it has none."""
        return next(iter(self._keys[action]), "")

    def how(self, action: str) -> str:
        """How the user does it, for a sentence: the first key, or without one the way through the menus."""
        return self.text(action) or plain_text(_SPECS[action])

    def all(self) -> dict[str, tuple[str, ...]]:
        """The keys of every action."""
        return dict(self._keys)

    def change(self, keys: Keys) -> None:
        """Have these keys from now on, in every window."""
        self._keys = self._keys | dict(keys)
        self._taken = _taken(self._keys)
        self.changed.emit()

    def bind(self, action: QAction, key: str, *more: QKeySequence) -> None:
        """Give ``action`` the keys of the action ``key``, now and whenever they change, and ``more`` always."""
        _Binding(self, action, key, more)

    def takes(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Whether a key that is pressed with these modifiers is the window's own while input goes to the guest."""
        held = modifiers & _MODIFIERS
        # The Shift that makes a "+" of a "=" is not named in "Ctrl++".
        return any(key | cast("int", each.value) in self._taken for each in (held, held & ~_Modifier.ShiftModifier))


class _Binding(QObject):
    """Belongs to a QAction, and ends with it."""

    def __init__(self, shortcuts: Shortcuts, action: QAction, key: str, more: tuple[QKeySequence, ...]) -> None:
        super().__init__(action)
        self._shortcuts, self._action, self._key, self._more = shortcuts, action, key, more
        shortcuts.changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        keys = [QKeySequence(each) for each in self._shortcuts.keys(self._key)]
        self._action.setShortcuts([*keys, *(each for each in self._more if each not in keys)])


def _taken(keys: Keys) -> frozenset[int]:
    found = [QKeySequence(text)[0] for each in keys.values() for text in each]
    return frozenset(each.toCombined() for each in found if each.keyboardModifiers() & _NEEDED)


@cache
def shared() -> Shortcuts:
    """The keys of this program: those of the file, read once, and what the user changed since."""
    return Shortcuts(keys_file.load())
