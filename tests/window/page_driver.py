"""As :mod:`tests.window.window_driver`, for a window that has the page in place of the picture."""

import sys
from typing import Any

from PyQt6.QtWidgets import QPushButton

from app.open.target import Simulated
from tests.window.window_driver import WindowDriver, run
from ui.window import viewer


class PageDriver(WindowDriver):
    """Operates the page."""

    def page(self) -> dict[str, Any]:
        """What the page shows, and the size of the picture's window."""
        area = self._window.area
        return {
            "shown": area.page.isVisible(),
            "heading": area.page.content.heading,
            "buttons": [each.text() for each in area.page.findChildren(QPushButton) if each.isVisible()],
            "picture": [self._picture.width(), self._picture.height()],
        }

    def page_press(self, text: str) -> None:
        (button,) = (each for each in self._window.area.page.findChildren(QPushButton) if each.text() == text)
        button.click()

    def choose_simulated(self, spec: str) -> None:
        """Choose a simulated vGPU in the device chooser, without its dialog."""
        vars(viewer)["choose_device"] = lambda _window: Simulated(spec)
        self.trigger("choose")


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], PageDriver))
