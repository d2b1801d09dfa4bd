"""Keys that desktops take before any window gets them, in their default settings.


XFCE 4.18 and 4.20: ``libxfce4kbd-private/xfce4-keyboard-shortcuts.xml`` of libxfce4ui.
GNOME 43 to 48: ``org.gnome.desktop.wm.keybindings`` of gsettings-desktop-schemas, ``...plugins.media-keys`` of
gnome-settings-daemon, ``org.gnome.mutter.*`` of mutter, ``org.gnome.shell.keybindings`` of gnome-shell.
KDE Plasma 5.27 and 6: ``kwin/src/useractions.cpp`` and ``kwinbindings.cpp``, ``klipper.cpp`` of plasma-workspace, and
what they register in ``kglobalshortcutsrc``.
Kernel and X server: virtual terminals, Zap, and the keypad's keys of the server's "xfree86" options.
"""

_DIRECTIONS = ("Left", "Right", "Up", "Down")

XFCE = {
    *(f"Ctrl+Alt+{key}" for key in ("F", "D", "L", "T", "Del", "Esc", "Home", "End", *_DIRECTIONS)),
    *(f"Ctrl+Alt+Shift+{key}" for key in ("Left", "Right", "Up")),
    *(f"Ctrl+Alt+Num+{digit}" for digit in range(1, 10)),
    *(f"Ctrl+F{number}" for number in range(1, 13)),
    *(f"Alt+F{number}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12)),
    *(f"Alt+{key}" for key in ("Tab", "Space", "Ins", "Del", "Print")),
    *("Alt+Shift+Tab", "Alt+Shift+PgUp", "Alt+Shift+PgDown", "Shift+Print"),
    *("Ctrl+Esc", "Ctrl+Shift+Esc", "Meta+P", "Meta+E", "Meta+R", "Meta+Tab", "Meta+Alt+S"),
}
GNOME = {
    *(f"Ctrl+Alt+{key}" for key in ("Del", "Tab", "Esc", *_DIRECTIONS)),
    *(f"Ctrl+Alt+Shift+{key}" for key in ("R", "Tab", "Esc", *_DIRECTIONS)),
    *(f"Alt+F{number}" for number in (1, 2, 4, 5, 6, 7, 8, 10)),
    *("Alt+Tab", "Alt+Esc", "Alt+Space", "Alt+`", "Alt+Shift+Tab", "Alt+Print", "Shift+Print"),
    *(f"Meta+{key}" for key in ("Tab", "Space", "Home", "End", "PgUp", "PgDown", "Up", "Down", "Left", "Right")),
    *(f"Meta+{key}" for key in ("H", "L", "P", "A", "S", "V", "N", "M", "O", "D", "Esc", "F1", "F10", "`")),
    *(f"Meta+{digit}" for digit in range(1, 10)),
    *("Meta+Alt+S", "Meta+Alt+8", "Meta+Alt+=", "Meta+Alt+-", "Meta+Alt+Up", "Meta+Alt+Down"),
}
PLASMA = {
    *("Ctrl+Alt+Del", "Ctrl+Alt+T", "Ctrl+Alt+Shift+Del", "Ctrl+Alt+Shift+PgUp", "Ctrl+Alt+Shift+PgDown"),
    *(f"Ctrl+F{number}" for number in (1, 2, 3, 4, 7, 8, 9, 10, 12)),
    *("Alt+Tab", "Alt+Shift+Tab", "Alt+`", "Alt+~", "Alt+F1", "Alt+F2", "Alt+F3", "Alt+F4", "Alt+Space"),
    *("Alt+Shift+F2", "Alt+Shift+F12", "Shift+Print"),
    *(f"Meta+{key}" for key in ("A", "B", "D", "E", "G", "I", "L", "P", "Q", "R", "S", "T", "V", "W", ".", "Print")),
    *(f"Meta+Ctrl+{key}" for key in ("A", "I", "R", "U", "X", "Esc", *_DIRECTIONS)),
    *(f"Meta+Alt+{key}" for key in ("K", "L", "P", "S", *_DIRECTIONS)),
    *(f"Meta+{digit}" for digit in range(10)),
    *("Meta+Tab", "Meta+Shift+Tab", "Meta+PgUp", "Meta+PgDown", "Meta+=", "Meta+-", "Meta+F5", "Meta+F6", "Meta+F8"),
}
SYSTEM = {
    "Ctrl+Alt+Backspace",
    *(f"Ctrl+Alt+F{number}" for number in range(1, 13)),
    *(f"Ctrl+Alt+Num+{key}" for key in "+-*/"),
}
