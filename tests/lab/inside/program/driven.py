"""Runs ``mdevview`` in this process and uses its window as a person does: ``X,Y,WIDTH,HEIGHT ARGUMENT...``.

The arguments are those of mdevview. Each line of standard input is a JSON document and gets a line as its answer, which
is null after a timeout:

- a list of keys, ``[[code, qt_key, text, down], ...]`` with evdev codes. They are posted to the window as soon as the
  VM takes input. The answer is the milliseconds until the end of the first draw that changed the picture. Only the part
  of the window that the first argument names is compared.
- ``{"button": text}`` clicks a button of the page in place of the picture, as soon as it is there. The answer is a list
  of the page's texts.
- ``{"row": key}`` chooses a row of the menus, as soon as it can be chosen. The answer is true.
"""

import ctypes
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QCoreApplication, QEvent, QSocketNotifier, Qt, QTimer
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication, QPushButton

from tests.lab.inside.machine import CURSOR_PIXELS
from ui.cli.main import main
from ui.window.input.guest_input import GuestInput
from ui.window.main_window import MainWindow
from ui.window.picture.picture_window import PictureWindow

_PATIENCE_MS = 120_000
_LOOK_MS = 20
_GL_RGBA, _GL_UNSIGNED_BYTE = 0x1908, 0x1401
# Qt's scan codes under X11 and Wayland are evdev's plus eight.
_XKB_OFFSET = 8

Part = tuple[int, int, int, int]
Pixels = NDArray[np.uint32]


class User:
    """Uses the window, and compares what is drawn."""

    def __init__(self, picture: PictureWindow, part: Part) -> None:
        self._picture = picture
        self._part = part
        self._gl = ctypes.CDLL("libGLESv2.so.2")
        self._last: Pixels | None = None
        self._before: Pixels | None = None
        self._pressed_at = 0
        # Tried again and again until it is true.
        self._wanted: Callable[[], bool] = lambda: True
        self._patience = QTimer()
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(lambda: self._answer(None))
        self._until_ready = QTimer()
        self._until_ready.setInterval(_LOOK_MS)
        self._until_ready.timeout.connect(self._try)
        self._input = QSocketNotifier(cast("Any", sys.stdin.fileno()), QSocketNotifier.Type.Read)
        self._input.activated.connect(self._read)

    def _read(self) -> None:
        line = sys.stdin.readline()
        if not line:
            self._input.setEnabled(False)
            return
        match json.loads(line):
            case {"button": text}:
                self._wanted = partial(self._click, text)
            case {"row": key}:
                self._wanted = partial(self._choose, key)
            case keys:
                self._wanted = partial(self._press, keys)
        self._patience.start(_PATIENCE_MS)
        self._until_ready.start()

    def _try(self) -> None:
        if self._wanted():
            self._until_ready.stop()

    def _press(self, keys: list[list[Any]]) -> bool:
        listener = self._picture.findChild(GuestInput)
        if listener is None or not listener.ready:
            return False
        self._before = self._last
        self._pressed_at = time.monotonic_ns()
        for code, key, text, down in keys:
            kind = QEvent.Type.KeyPress if down else QEvent.Type.KeyRelease
            self._post(QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, code + _XKB_OFFSET, 0, 0, text))
        return True

    def _click(self, text: str) -> bool:
        page = self._window().area.page
        found = [each for each in page.findChildren(QPushButton) if each.isVisible() and each.text() == text]
        if not found:
            return False
        said = page.content
        found[0].click()
        self._answer([said.heading, said.sentence, said.remedy])
        return True

    def _choose(self, key: str) -> bool:
        action = self._window()._actions[key]
        if not (action.isEnabled() and action.isVisible()):
            return False
        action.trigger()
        self._answer(True)
        return True

    def _window(self) -> MainWindow:
        (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow))
        return window

    def _post(self, event: QEvent) -> None:
        QCoreApplication.postEvent(self._picture, event)

    def drawn(self) -> None:
        """Called at the end of each draw, before the picture is presented."""
        self._last = self._read_back()
        if self._before is not None and int(np.count_nonzero(self._last != self._before)) > CURSOR_PIXELS:
            self._answer((time.monotonic_ns() - self._pressed_at) / 1e6)

    def _answer(self, answer: object) -> None:
        self._before = None
        self._patience.stop()
        self._until_ready.stop()
        print(json.dumps(answer), flush=True)

    def _read_back(self) -> Pixels:
        x, y, width, height = self._part
        # While the page is shown, the window has a few pixels, and OpenGL leaves the others as they are.
        pixels = np.zeros((height, width), np.uint32)
        bottom = round(self._picture.height() * self._picture.devicePixelRatio()) - y - height
        self._gl.glReadPixels(
            x, bottom, width, height, _GL_RGBA, _GL_UNSIGNED_BYTE, ctypes.c_void_p(pixels.ctypes.data)
        )
        return pixels


def _run(part: Part, arguments: list[str]) -> int:
    users: list[User] = []
    paint = PictureWindow.paintGL

    def paint_and_compare(picture: PictureWindow) -> None:
        paint(picture)
        if not users:
            users.append(User(picture, part))
        users[0].drawn()

    PictureWindow.paintGL = paint_and_compare  # type: ignore[method-assign,assignment]
    return main(arguments)


if __name__ == "__main__":
    x, y, width, height = (int(each) for each in sys.argv[1].split(","))
    sys.exit(_run((x, y, width, height), sys.argv[2:]))
