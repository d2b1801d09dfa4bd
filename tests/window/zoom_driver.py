"""The part of :mod:`tests.window.window_driver` about sizes and zoom."""

from typing import Any

from PyQt6.QtCore import QPointF

from ui.window.main_window import MainWindow
from ui.window.picture.gl_surface import device_size


class ZoomDriver:
    """Operates scroll bars and sizes of a window. All numbers are device pixels, but those of the window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._picture = window._picture

    def place(self) -> dict[str, Any]:
        """How large the window and the picture in it are, and where in it the guest's picture is, in device pixels."""
        window, view, placement = self._window, self._window._view, self._picture.placement
        ratio = window.devicePixelRatioF()
        bars = [each for each in (view._across, view._down) if each.isVisible()]
        return {
            "window": [window.width(), window.height()],
            "picture": list(device_size(self._picture)),
            "ratio": ratio,
            "place": [placement.place.left, placement.place.top, placement.place.right, placement.place.bottom]
            if placement is not None
            else None,
            "percent": self._window._zoom.percent,
            "bars": [[each.orientation().name, each.value(), each.maximum()] for each in bars],
            "fixed": window._size.fixed,
        }

    def corner(self) -> list[int]:
        """The device pixel of the screen where the picture's window begins."""
        corner, ratio = self._picture.mapToGlobal(QPointF(0, 0)), self._picture.devicePixelRatio()
        return [round(corner.x() * ratio), round(corner.y() * ratio)]

    def scroll_to(self, right: int, down: int) -> None:
        """Move the scroll bars."""
        self._window._view._across.setValue(right)
        self._window._view._down.setValue(down)

    def resize(self, width: int, height: int) -> None:
        self._window.resize(width, height)

    def follow(self, on: bool) -> None:
        self._window.resolution.follow(on)
