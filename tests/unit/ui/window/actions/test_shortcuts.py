"""The keys as they are now."""

from PyQt6.QtCore import Qt

from ui.window.actions.actions import KEYED
from ui.window.actions.shortcuts import Shortcuts

CTRL, ALT, SHIFT, META, KEYPAD = (
    getattr(Qt.KeyboardModifier, f"{each}Modifier") for each in ("Control", "Alt", "Shift", "Meta", "Keypad")
)
NONE = Qt.KeyboardModifier.NoModifier


def test_only_what_is_set_with_a_modifier_is_the_windows_while_the_guest_has_the_keyboard() -> None:
    shortcuts = Shortcuts({"fullscreen": ("Ctrl+F11", "F11"), "grab": ("Ctrl++",), "copy": ("Meta+X",)})
    takes = shortcuts.takes
    assert takes(Qt.Key.Key_F11, CTRL) and takes(Qt.Key.Key_X, META)
    assert not takes(Qt.Key.Key_F11, NONE) and not takes(Qt.Key.Key_F11, ALT) and not takes(Qt.Key.Key_X, CTRL)
    assert not takes(Qt.Key.Key_F11, CTRL | ALT)
    assert takes(Qt.Key.Key_Plus, CTRL | SHIFT), "where a plus needs Shift"
    assert takes(Qt.Key.Key_F11, CTRL | KEYPAD), "what else is known of a key does not matter"
    shortcuts.change({"copy": ()})
    assert not takes(Qt.Key.Key_X, META)


def test_a_text_names_the_key_of_now_and_the_menu_where_there_is_none() -> None:
    shortcuts = Shortcuts()
    assert shortcuts.how("release") == "Ctrl+Alt+R"
    shortcuts.change({"release": ("Meta+F9", "Ctrl+Alt+R")})
    assert shortcuts.how("release") == "Meta+F9"
    shortcuts.change({each.key: () for each in KEYED})
    assert shortcuts.how("release") == "Input > Release keyboard and pointer"
    assert shortcuts.how("loupe") == "View > Inspect pixels > Loupe"
    assert all(shortcuts.how(each.key) for each in KEYED)
