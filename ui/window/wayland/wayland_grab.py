"""The grab on Wayland: asks the compositor to leave its shortcuts to the guest, and to lock the pointer.

Qt knows none of the three protocols (wayland-protocols: keyboard-shortcuts-inhibit-unstable-v1,
relative-pointer-unstable-v1, pointer-constraints-unstable-v1), but its connection can be used. The surface to ask for
is the one that a pointer and a keyboard of our own enter.
"""

import logging
import os
from collections.abc import Callable
from ctypes import Array

from PyQt6 import QtCore
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QGuiApplication

from ui.window.wayland.wayland_client import Library, interface, wl_argument, wl_interface

_log = logging.getLogger(__name__)

_RELATIVE_MANAGER = interface("zwp_relative_pointer_manager_v1", [("destroy", ""), ("get_relative_pointer", "no")])
_RELATIVE = interface("zwp_relative_pointer_v1", [("destroy", "")], [("relative_motion", "uuffff")])
_CONSTRAINTS = interface(
    "zwp_pointer_constraints_v1", [("destroy", ""), ("lock_pointer", "noo?ou"), ("confine_pointer", "noo?ou")]
)
_LOCKED = interface(
    "zwp_locked_pointer_v1",
    [("destroy", ""), ("set_cursor_position_hint", "ff"), ("set_region", "?o")],
    [("locked", ""), ("unlocked", "")],
)
_INHIBIT_MANAGER = interface(
    "zwp_keyboard_shortcuts_inhibit_manager_v1", [("destroy", ""), ("inhibit_shortcuts", "noo")]
)
_INHIBITOR = interface("zwp_keyboard_shortcuts_inhibitor_v1", [("destroy", "")], [("active", ""), ("inactive", "")])
_MANAGERS = (_RELATIVE_MANAGER, _CONSTRAINTS, _INHIBIT_MANAGER)

# Opcodes of the core protocol (wayland.xml).
_DISPLAY_GET_REGISTRY, _REGISTRY_BIND = 1, 0
_SEAT_GET_POINTER, _SEAT_GET_KEYBOARD, _SEAT_RELEASE = 0, 1, 3
_POINTER_RELEASE, _KEYBOARD_RELEASE = 1, 0
# The first version in which all three can be released.
_SEAT_VERSION = 5
_DESTROY = 0
_ENTER = {"pointer": 0, "keyboard": 1}
_LEAVE = {"pointer": 1, "keyboard": 2}
_KEYMAP = 0
_LIFETIME_PERSISTENT = 2

# A compositor that locks does so at once.
_LOCK_TIMEOUT_MS = 200

_Arguments = Array[wl_argument]


def qt_display() -> int | None:
    """The address of Qt's wl_display; None on other platforms. Raises AttributeError or TypeError if Qt is too old."""
    if not QGuiApplication.platformName().startswith("wayland"):
        return None
    application = QGuiApplication.instance()
    # Debian 13's PyQt 6.9 is built without this name.
    kind = QtCore.QNativeInterface.QWaylandApplication  # type: ignore[attr-defined,unused-ignore]
    native = application.nativeInterface(kind)  # type: ignore[union-attr,unused-ignore]
    return int(native.display())


def wayland_grab(moved: Callable[[float, float], None], locked: Callable[[bool], None]) -> "WaylandGrab | None":
    """None on other platforms, and if Qt or the library is too old."""
    try:
        display = qt_display()
        return WaylandGrab(Library(), display, moved, locked) if display is not None else None
    except (AttributeError, TypeError, OSError) as error:
        _log.info("no grab on Wayland: %s", error)
        return None


class WaylandGrab:
    """``moved`` gets the locked pointer's motion in Qt's units, ``locked`` whether it is locked now."""

    def __init__(
        self,
        library: Library,
        display: int,
        moved: Callable[[float, float], None],
        locked: Callable[[bool], None],
    ) -> None:
        self._library, self._display = library, display
        self._moved, self._locked_changed = moved, locked
        self._managers: dict[bytes, int] = {}
        self._seat = 0
        self._objects: dict[str, int] = {}
        # The surfaces that the pointer and the keyboard have entered.
        self._surfaces: dict[str, int] = {}
        self._locked = False
        self._wanted = False
        self._inside = False
        self._registry = library.create(
            display, _DISPLAY_GET_REGISTRY, library.core("wl_registry"), 0, handler=self._offered
        )
        library.flush(display)

    @property
    def can_lock(self) -> bool:
        return self._seat != 0 and {_RELATIVE_MANAGER.name, _CONSTRAINTS.name} <= self._managers.keys()

    @property
    def can_inhibit(self) -> bool:
        return self._seat != 0 and _INHIBIT_MANAGER.name in self._managers

    def begin(self, *, lock_pointer: bool) -> None:
        """Request what the compositor offers; it takes effect as soon as the surface is known."""
        self.end()
        self._wanted = lock_pointer and self.can_lock
        if self.can_inhibit or self._wanted:
            self._listen("keyboard", _SEAT_GET_KEYBOARD)
        if self._wanted:
            self._listen("pointer", _SEAT_GET_POINTER)
        self._library.flush(self._display)

    def entered(self, inside: bool) -> None:
        """Qt tells whether the pointer is over the picture; it is not locked elsewhere in the window."""
        self._inside = inside
        self._lock()

    def end(self) -> None:
        """Undo every request; more calls do nothing."""
        self._wanted = self._locked = False
        self._surfaces.clear()
        for name in ("inhibitor", "locked", "relative", "pointer", "keyboard"):
            self._destroy(name)
        self._library.flush(self._display)

    def close(self) -> None:
        """Destroy all objects on Qt's connection; more calls do nothing."""
        self.end()
        managers, self._managers = self._managers, {}
        for manager in managers.values():
            self._library.destroy(manager, _DESTROY)
        if self._seat:
            self._library.destroy(self._seat, _SEAT_RELEASE)
            self._seat = 0
        if self._registry:
            self._library.destroy(self._registry, None)
            self._registry = 0
        self._library.flush(self._display)

    def _offered(self, opcode: int, arguments: _Arguments) -> None:
        """The compositor has announced a global: its number, interface and version."""
        if opcode != 0:
            return
        number, name, version = arguments[0].u, arguments[1].s, arguments[2].u
        for manager in _MANAGERS:
            if name == manager.name:
                self._managers[name] = self._bind(number, manager, 1)
        # A desktop has one seat. If there are several, the first is used.
        if name == b"wl_seat" and not self._seat and version >= _SEAT_VERSION:
            self._seat = self._bind(number, self._library.core("wl_seat"), _SEAT_VERSION)

    def _bind(self, number: int, what: wl_interface, version: int) -> int:
        return self._library.create(
            self._registry, _REGISTRY_BIND, what, number, what.name, version, 0, version=version
        )

    def _listen(self, name: str, opcode: int) -> None:
        def handle(event: int, arguments: _Arguments) -> None:
            if event == _ENTER[name]:
                self._enter(name, arguments[1].o)
            elif event == _LEAVE[name]:
                self._surfaces.pop(name, None)
            elif name == "keyboard" and event == _KEYMAP:
                os.close(arguments[1].h)

        self._objects[name] = self._library.create(
            self._seat, opcode, self._library.core(f"wl_{name}"), 0, handler=handle
        )

    def _enter(self, name: str, surface: int | None) -> None:
        if surface is None:
            return
        self._surfaces[name] = surface
        self._lock()
        if name == "keyboard" and self.can_inhibit and "inhibitor" not in self._objects:
            manager = self._managers[_INHIBIT_MANAGER.name]
            self._objects["inhibitor"] = self._library.create(
                manager, 1, _INHIBITOR, 0, surface, self._seat, handler=self._inhibitor_changed
            )

    def _lock(self) -> None:
        if not self._wanted or not self._inside or "pointer" not in self._surfaces or "locked" in self._objects:
            return
        self._objects["relative"] = self._library.create(
            self._managers[_RELATIVE_MANAGER.name], 1, _RELATIVE, 0, self._objects["pointer"], handler=self._moved_by
        )
        self._lock_on("pointer")

    def _lock_on(self, name: str) -> None:
        """Lock to the surface of the pointer, or to that of the keyboard.

        The picture is a subsurface. The protocol means the surface that the pointer is in, but sway and KWin only
        look for a lock on the window's own surface. There is only one lock at a time, because a surface may have one.
        """
        surface = self._surfaces.get(name)
        if surface is None:
            return
        self._destroy("locked")
        manager, pointer = self._managers[_CONSTRAINTS.name], self._objects["pointer"]
        locked = self._objects["locked"] = self._library.create(
            manager, 1, _LOCKED, 0, surface, pointer, None, _LIFETIME_PERSISTENT, handler=self._lock_changed
        )
        self._library.flush(self._display)
        if name == "pointer":
            QTimer.singleShot(_LOCK_TIMEOUT_MS, lambda: self._lock_elsewhere(locked))

    def _lock_elsewhere(self, first: int) -> None:
        if self._objects.get("locked") == first and not self._locked:
            self._lock_on("keyboard")

    def _lock_changed(self, event: int, _arguments: _Arguments) -> None:
        self._locked = event == 0
        self._locked_changed(self._locked)

    def _moved_by(self, _event: int, arguments: _Arguments) -> None:
        # wl_fixed_t has eight binary places.
        self._moved(arguments[2].f / 256, arguments[3].f / 256)

    @staticmethod
    def _inhibitor_changed(event: int, _arguments: _Arguments) -> None:
        _log.info("the desktop's shortcuts %s", "go to the guest" if event == 0 else "are the desktop's again")

    def _destroy(self, name: str) -> None:
        proxy = self._objects.pop(name, None)
        if proxy is None:
            return
        release = {"pointer": _POINTER_RELEASE, "keyboard": _KEYBOARD_RELEASE}
        self._library.destroy(proxy, release.get(name, _DESTROY))
