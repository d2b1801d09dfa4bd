"""Runs ``mdevview`` in this process and operates its overview, for displays without keyboard and pointer.

As :mod:`tests.window.window_driver`: each line of standard input is a JSON list with the name of a method of
OverviewDriver and its arguments; what it returns is printed as a line of JSON.
"""

import sys
from typing import Any, cast

from PyQt6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PyQt6.QtGui import QKeyEvent, QMouseEvent
from PyQt6.QtWidgets import QApplication

from tests.window.listener import Listener
from ui.cli.main import main
from ui.window.main_window import MainWindow
from ui.window.overview import overview
from ui.window.overview.overview_tile import Tile
from ui.window.overview.overview_window import OverviewWindow

_NONE = Qt.KeyboardModifier.NoModifier


class OverviewDriver:
    """Operates the overview. A tile is named by its index."""

    def __init__(self, window: OverviewWindow) -> None:
        self._window = window

    def tiles(self) -> list[dict[str, Any]]:
        """What a person sees of each tile, and its picture's place in device pixels of the window."""
        ratio = self._window.devicePixelRatioF()
        found = []
        for tile in self._window.tiles:
            corner = tile.mapTo(self._window, tile.rect().topLeft())
            caption, words = tile._caption, tile._words
            found.append(
                {
                    "title": tile.text(),
                    "caption": caption,
                    "state": words.heading if words else "Showing" if tile._has_picture else "",
                    "accessible": tile.accessibleName(),
                    "tip": tile.toolTip(),
                    "focus": tile is self._window.focusWidget(),
                    "place": [
                        round(each * ratio) for each in (corner.x(), corner.y(), tile.width(), tile.picture_height())
                    ],
                }
            )
        return found

    def click(self, index: int) -> None:
        tile = self._window.tiles[index]
        where = QPointF(tile.rect().center())
        for kind, held in (
            (QEvent.Type.MouseButtonPress, Qt.MouseButton.LeftButton),
            (QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton),
        ):
            event = QMouseEvent(kind, where, tile.mapToGlobal(where), Qt.MouseButton.LeftButton, held, _NONE)
            QCoreApplication.postEvent(tile, event)

    def key(self, name: str) -> None:
        """Press and release a key in the tile that has the focus."""
        tile = self._window.focusWidget()
        assert isinstance(tile, Tile)
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QCoreApplication.postEvent(tile, QKeyEvent(kind, int(getattr(Qt.Key, f"Key_{name}")), _NONE))

    def windows(self) -> list[str]:
        """The titles of the windows that were opened from the overview."""
        widgets = QApplication.topLevelWidgets()
        return sorted(each.windowTitle() for each in widgets if isinstance(each, MainWindow) and each.isVisible())

    def close_windows(self) -> None:
        for each in QApplication.topLevelWidgets():
            if isinstance(each, MainWindow):
                each.close()

    def close(self) -> None:
        self._window.close()


class _DrivenWindow(OverviewWindow):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._listener = Listener(OverviewDriver(self))


if __name__ == "__main__":
    vars(overview)["OverviewWindow"] = cast("Any", _DrivenWindow)
    sys.exit(main(sys.argv[1:]))
