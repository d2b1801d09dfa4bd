"""From Qt's key events to QEMU's names of keys."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent

from app.input.keys import qcode_of_scan_code
from app.input.typing import key_for

# Keys without a character, for events that carry no scan code.
_NAMES = {
    Qt.Key.Key_Escape: "esc",
    Qt.Key.Key_Tab: "tab",
    Qt.Key.Key_Backtab: "tab",
    Qt.Key.Key_Backspace: "backspace",
    Qt.Key.Key_Return: "ret",
    Qt.Key.Key_Enter: "kp_enter",
    Qt.Key.Key_Insert: "insert",
    Qt.Key.Key_Delete: "delete",
    Qt.Key.Key_Pause: "pause",
    Qt.Key.Key_Print: "print",
    Qt.Key.Key_SysReq: "print",
    Qt.Key.Key_Home: "home",
    Qt.Key.Key_End: "end",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_PageUp: "pgup",
    Qt.Key.Key_PageDown: "pgdn",
    Qt.Key.Key_Shift: "shift",
    Qt.Key.Key_Control: "ctrl",
    Qt.Key.Key_Meta: "meta_l",
    Qt.Key.Key_Super_L: "meta_l",
    Qt.Key.Key_Super_R: "meta_r",
    Qt.Key.Key_Alt: "alt",
    Qt.Key.Key_AltGr: "alt_r",
    Qt.Key.Key_CapsLock: "caps_lock",
    Qt.Key.Key_NumLock: "num_lock",
    Qt.Key.Key_ScrollLock: "scroll_lock",
    Qt.Key.Key_Menu: "compose",
    Qt.Key.Key_Help: "help",
    Qt.Key.Key_VolumeDown: "volumedown",
    Qt.Key.Key_VolumeMute: "audiomute",
    Qt.Key.Key_VolumeUp: "volumeup",
    Qt.Key.Key_MediaPlay: "audioplay",
    Qt.Key.Key_MediaStop: "audiostop",
    Qt.Key.Key_MediaPrevious: "audioprev",
    Qt.Key.Key_MediaNext: "audionext",
} | {getattr(Qt.Key, f"Key_F{number}"): f"f{number}" for number in range(1, 25)}

_KEYPAD = dict(zip("0123456789", (f"kp_{digit}" for digit in range(10)), strict=True)) | {
    "/": "kp_divide",
    "*": "kp_multiply",
    "-": "kp_subtract",
    "+": "kp_add",
    ".": "kp_decimal",
    ",": "kp_comma",
    "=": "kp_equals",
}


def qcode_of(event: QKeyEvent) -> str | None:
    """The key's ``QKeyCode``; None if QEMU has no name for it.

    Qt passes on the scan code of X11 or Wayland (qxcbkeyboard.cpp, qwaylandinputdevice.cpp). Events that come from no
    keyboard (an on-screen keyboard, a test) have none: then it is the key of the character on a US keyboard.
    """
    if event.nativeScanCode():
        return qcode_of_scan_code(event.nativeScanCode())
    try:
        key = Qt.Key(event.key())
    except ValueError:
        return None
    name = _NAMES.get(key)
    if name is not None or not Qt.Key.Key_Space <= key <= Qt.Key.Key_AsciiTilde:
        return name
    character = chr(key).lower()
    if event.modifiers() & Qt.KeyboardModifier.KeypadModifier and character in _KEYPAD:
        return _KEYPAD[character]
    pair = key_for(character)
    return pair[0] if pair is not None else None
