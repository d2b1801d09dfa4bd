"""Which keys an action can have, and which actions want the same key."""

from collections.abc import Iterable, Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence

_Modifier = Qt.KeyboardModifier
_NEEDED = _Modifier.ControlModifier | _Modifier.AltModifier | _Modifier.MetaModifier
# They are the ways back from a guest that has the keyboard, and perhaps the pointer: to the window and to the menus.
_ALWAYS_KEYED = ("release", "menus")
_FIRST_F, _LAST_F = Qt.Key.Key_F1, Qt.Key.Key_F35
_MODIFIER_KEYS = frozenset(
    {
        Qt.Key.Key_Shift,
        Qt.Key.Key_Control,
        Qt.Key.Key_Alt,
        Qt.Key.Key_AltGr,
        Qt.Key.Key_Meta,
        Qt.Key.Key_Super_L,
        Qt.Key.Key_Super_R,
    }
)


def normal(text: str) -> str:
    """The same key as Qt writes it: "ctrl+alt+g" is "Ctrl+Alt+G". Empty if it is no key."""
    return QKeySequence.fromString(text).toString()


def problem(text: str) -> str:
    """Why an action cannot have this key, in words; empty if it can.

    A function key without a modifier is allowed: it acts only while no input goes to the guest.
    """
    sequence = QKeySequence.fromString(text)
    if sequence.count() == 0 or sequence[0].key() is Qt.Key.Key_unknown:
        return f"{text} is no key" if text else "no key"
    if sequence.count() > 1:
        return f"{text} is more than one key"
    key, modifiers = sequence[0].key(), sequence[0].keyboardModifiers()
    if key in _MODIFIER_KEYS:
        return f"{text} has only modifiers"
    if not modifiers & _NEEDED and not (_FIRST_F <= key <= _LAST_F):
        return f"{text} has no Ctrl, Alt or Meta: it would be taken from the guest"
    if modifiers & ~_Modifier.ShiftModifier == _Modifier.AltModifier and Qt.Key.Key_A <= key <= Qt.Key.Key_Z:
        return f"{text} opens a menu: Alt and a letter are for the menus"
    return ""


def owner(text: str, keys: Mapping[str, Iterable[str]], but: str = "") -> str:
    """The action that has this key, other than ``but``; empty for none."""
    wanted = normal(text)
    return next((action for action, has in keys.items() if action != but and wanted in has), "")


def acts_with_input(text: str) -> bool:
    """Whether a key that an action can have also does something while input goes to the guest."""
    return bool(QKeySequence.fromString(text)[0].keyboardModifiers() & _NEEDED)


def without_way_back(keys: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The actions that need a key which acts while input goes to the guest, and have none among ``keys``."""
    return tuple(action for action in _ALWAYS_KEYED if not any(map(acts_with_input, keys[action])))
