"""A virtual keyboard and pointer for a headless Wayland compositor (wlroots' protocols)."""

import contextlib
import ctypes
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ui.window.wayland.wayland_client import Library, interface, wl_argument

_POINTER_MANAGER = interface("zwlr_virtual_pointer_manager_v1", [("create_virtual_pointer", "?on"), ("destroy", "")])
_POINTER = interface(
    "zwlr_virtual_pointer_v1",
    [("motion", "uff"), ("motion_absolute", "uuuuu"), ("button", "uuu"), ("axis", "uuf"), ("frame", "")],
)
_KEYBOARD_MANAGER = interface("zwp_virtual_keyboard_manager_v1", [("create_virtual_keyboard", "on")])
_KEYBOARD = interface("zwp_virtual_keyboard_v1", [("keymap", "uhu"), ("key", "uuu"), ("modifiers", "uuuu")])
_KEYMAP = b"""xkb_keymap {
xkb_keycodes { include "evdev+aliases(qwerty)" };
xkb_types { include "complete" };
xkb_compat { include "complete" };
xkb_symbols { include "pc+us+inet(evdev)" };
};\0"""
_MODIFIERS = {29: 4, 56: 8}
_LEFT = 0x110


class VirtualInput:
    """One client with both. Keys are the kernel's codes."""

    def __init__(self, socket: Path) -> None:
        self._library = Library()
        self._so = so = ctypes.CDLL("libwayland-client.so.0")
        so.wl_display_connect.restype = ctypes.c_void_p
        self._display = so.wl_display_connect(str(socket).encode())
        assert self._display, socket
        globals_: dict[bytes, int] = {}
        wanted = (_POINTER_MANAGER, _KEYBOARD_MANAGER, self._library.core("wl_seat"))

        def offered(opcode: int, arguments: "ctypes.Array[wl_argument]") -> None:
            for each in wanted:
                if opcode == 0 and arguments[1].s == each.name:
                    number, name = arguments[0].u, each.name
                    globals_[name] = create(registry, 0, each, number, name, 1, 0, version=1)

        create = self._library.create
        registry = create(self._display, 1, self._library.core("wl_registry"), 0, handler=offered)
        self._sync()
        seat = globals_[b"wl_seat"]
        self._pointer = create(globals_[_POINTER_MANAGER.name], 0, _POINTER, seat, 0)
        self._keyboard = create(globals_[_KEYBOARD_MANAGER.name], 0, _KEYBOARD, seat, 0)
        keymap = os.memfd_create("keymap")
        os.write(keymap, _KEYMAP)
        self._library.request(self._keyboard, 0, 1, keymap, len(_KEYMAP))
        self._sync()
        os.close(keymap)

    def close(self) -> None:
        self._so.wl_display_disconnect(ctypes.c_void_p(self._display))

    def key(self, code: int, down: bool) -> None:
        self._library.request(self._keyboard, 1, self._now(), code, int(down))
        self._sync()

    def press(self, *codes: int) -> None:
        """Press all, then release all."""
        for down in (True, False):
            for number, code in enumerate(codes):
                self.key(code, down)
                held = codes[: number + 1] if down else codes[number + 1 :]
                self._library.request(self._keyboard, 2, sum(_MODIFIERS.get(each, 0) for each in held), 0, 0, 0)
        self._sync()

    def place(self, x: int, y: int, width: int, height: int) -> None:
        """Move the pointer to (x, y) of a screen of this size."""
        self._library.request(self._pointer, 1, self._now(), x, y, width, height)
        self._frame()

    def move(self, dx: int, dy: int) -> None:
        self._library.request(self._pointer, 0, self._now(), (dx * 256) & 0xFFFFFFFF, (dy * 256) & 0xFFFFFFFF)
        self._frame()

    def click(self) -> None:
        for state in (1, 0):
            self._library.request(self._pointer, 2, self._now(), _LEFT, state)
            self._frame()

    def _frame(self) -> None:
        self._library.request(self._pointer, 4)
        self._sync()

    def _sync(self) -> None:
        assert self._so.wl_display_roundtrip(ctypes.c_void_p(self._display)) >= 0

    @staticmethod
    def _now() -> int:
        return time.monotonic_ns() // 1_000_000 & 0xFFFFFFFF


@contextlib.contextmanager
def virtual_input(socket: Path) -> Iterator[VirtualInput]:
    plugged_in = VirtualInput(socket)
    try:
        yield plugged_in
    finally:
        plugged_in.close()
