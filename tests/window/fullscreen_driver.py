"""As :mod:`tests.window.window_driver`, and tells what fullscreen does to the window."""

import sys
from typing import Any

from PyQt6.QtWidgets import QToolButton

from tests.window.window_driver import WindowDriver, run


class FullscreenDriver(WindowDriver):
    def fullscreen(self) -> dict[str, Any]:
        """The window's state, the bars of the window, and the bar at the top edge."""
        window, actions = self._window, self._window._actions
        bar = window._fullscreen._bar
        screen = window.screen()
        shown = bar is not None and bar.isVisible()
        return {
            "full": window.isFullScreen(),
            "maximised": window.isMaximized(),
            "checked": actions["fullscreen"].isChecked(),
            "menu_bar": window.menuBar().isVisible(),  # type: ignore[union-attr]
            "status_line": window._state.line.isVisible(),
            "size": [window.width(), window.height()],
            "screen": screen.name() if screen is not None else "",
            "bar": [*bar.geometry().getRect()] if bar is not None and shown else None,
            "buttons": {each.text(): each.geometry().center().x() for each in bar.findChildren(QToolButton)}
            if bar is not None and shown
            else {},
            "menu_open": bar is not None and bar.menu_is_open,
            "notice": self._picture.shown_notice.text,
        }


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], FullscreenDriver))
